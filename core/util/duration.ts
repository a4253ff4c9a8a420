const units: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 1e-3, us: 1e-6, µs: 1e-6, ns: 1e-9 };

/** A Go duration in seconds: "168h", "1h30m", "-1.5h" (time.ParseDuration). Undefined for what is none. */
export function seconds(duration: unknown): number | undefined {
  if (typeof duration !== "string" || !/^[-+]?((\d+(\.\d*)?|\.\d+)(h|ms|m|s|us|µs|ns))+$/.test(duration))
    return duration === "0" ? 0 : undefined;
  const sum = [...duration.matchAll(/([\d.]+)(h|ms|m|s|us|µs|ns)/g)].reduce(
    (total, [, amount, unit]) => total + Number(amount) * (units[unit ?? ""] ?? 0),
    0,
  );
  return duration.startsWith("-") ? -sum : sum;
}
