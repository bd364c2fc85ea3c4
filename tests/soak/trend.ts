/** Whether a figure that is looked at again and again grows. */

/** What was seen at one time. */
export interface Sample {
  readonly minutes: number;
  readonly value: number;
}

/** Change in a minute, by least squares; NaN of fewer than two samples. */
export function slopeOf(samples: readonly Sample[]): number {
  const meanOf = (pick: (sample: Sample) => number) =>
    samples.reduce((sum, sample) => sum + pick(sample), 0) / samples.length;
  const minutes = meanOf((sample) => sample.minutes);
  const value = meanOf((sample) => sample.value);
  const [both, square] = samples.reduce(([both, square], sample) => {
    const away = sample.minutes - minutes;
    return [both + away * (sample.value - value), square + away ** 2];
  }, [0, 0]);
  return both / square;
}

/** The samples' last share: what comes before is a start, when kept messages grow to their bound. */
export function lastShare(samples: readonly Sample[], share: number): readonly Sample[] {
  const last = samples.at(-1)?.minutes ?? 0;
  return samples.filter(({ minutes }) => minutes >= last * (1 - share));
}
