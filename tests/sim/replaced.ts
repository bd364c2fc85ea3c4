/** Injects bugs into the parts of a machine, and removes them again. */

/** Installs a change and returns the function that undoes it. */
export type Install = () => () => void;

/** Replaces a method of a class. */
export function replaced<Class extends object, Name extends keyof Class>(
  prototype: Class,
  name: Name,
  method: Class[Name],
): Install {
  return () => {
    const before = prototype[name];
    prototype[name] = method;
    return () => {
      prototype[name] = before;
    };
  };
}

/** Replaces the value of a class's getter. */
export function replacedValue<Class extends object>(
  prototype: Class,
  name: keyof Class,
  value: unknown,
): Install {
  return () => {
    const before = Object.getOwnPropertyDescriptor(prototype, name)!;
    Object.defineProperty(prototype, name, { configurable: true, get: () => value });
    return () => {
      Object.defineProperty(prototype, name, before);
    };
  };
}

/** Combines several changes. */
export function together(...installs: readonly Install[]): Install {
  return () => {
    const undos = installs.map((install) => install());
    return () => {
      for (const undo of undos.reverse()) undo();
    };
  };
}
