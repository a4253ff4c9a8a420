import type { Guardrail } from "../../rules/guardrail";
import { labDatabase } from "./labDatabase";
import { spireSize } from "./spireSize";
import { spireStateKept } from "./spireStateKept";
import { sqliteSingleServer } from "./sqliteSingleServer";
import { storageClass } from "./storageClass";

/** Where SPIRE's servers keep their state, and for how large a cluster. */
export const spireStorage: readonly Guardrail[] = [
  sqliteSingleServer,
  labDatabase,
  spireSize,
  spireStateKept,
  storageClass,
];
