import { valueOf } from "./ciliumValues";
import type { Release } from "../facts/facts";

const spire = "authentication.mutual.spire";

/** A value of the SPIRE in Cilium's chart, by its key below `authentication.mutual.spire.install`. */
export const installValue = (release: Release, key: string): unknown => valueOf(release, installKey(key));

/** The whole key of such a value. */
export const installKey = (key: string): string => `${spire}.install.${key}`;

/** Whether a release also installs a SPIRE, which the chart does unless it is told not to (values.yaml). */
export const isBundled = (release: Release): boolean =>
  valueOf(release, `${spire}.enabled`) === true && installValue(release, "enabled") !== false;
