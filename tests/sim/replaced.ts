/** Bugs put into a machine's parts from outside, for a while. */

/** Does it, and returns what undoes it. */
export type Install = () => () => void;

/** Puts another method in the place of one of a class. */
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

/** Puts a value in the place of what a class's getter tells. */
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

/** All of these. */
export function together(...installs: readonly Install[]): Install {
  return () => {
    const undos = installs.map((install) => install());
    return () => {
      for (const undo of undos.reverse()) undo();
    };
  };
}
