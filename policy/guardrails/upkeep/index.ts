import type { Guardrail } from "../../rules/guardrail";
import { bundleRefresh } from "./bundleRefresh";
import { entryLifetimes } from "./entryLifetimes";
import { imagesPinned } from "./imagesPinned";
import { ttlCoherence } from "./ttlCoherence";

/** What ends and has to be renewed, and which images run. */
export const upkeep: readonly Guardrail[] = [ttlCoherence, entryLifetimes, bundleRefresh, imagesPinned];
