import type { SpireSize } from "../../core/schema/spireSizes";
import { resources } from "./pods";
import type { ManagedSpire } from "./settings";

type Resources = ReturnType<typeof resources>;

/** What a size gives to SPIRE's containers, and how it replaces agents. */
interface Parts {
  readonly server: Resources;
  readonly controllerManager: Resources;
  readonly agent: Resources;
  /** Agents that are replaced at a time: a DaemonSet's maxUnavailable. A part of them all has an update as long for any number, of which Pulumi waits for ten minutes. */
  readonly atOnce: number | string;
}

const parts: Readonly<Record<SpireSize, Parts>> = {
  small: {
    server: resources("100m", "128Mi", "512Mi"),
    controllerManager: resources("10m", "64Mi", "256Mi"),
    agent: resources("50m", "64Mi", "256Mi"),
    atOnce: 1,
  },
  medium: {
    server: resources("2", "768Mi", "2Gi"),
    controllerManager: resources("50m", "128Mi", "512Mi"),
    agent: resources("50m", "96Mi", "384Mi"),
    atOnce: "10%",
  },
  large: {
    server: resources("8", "6Gi", "12Gi"),
    controllerManager: resources("100m", "256Mi", "1Gi"),
    agent: resources("50m", "128Mi", "512Mi"),
    atOnce: "10%",
  },
};

/** What a SPIRE gets by its size. */
export const sized = ({ size = "small" }: Pick<ManagedSpire, "size">): Parts => parts[size];
