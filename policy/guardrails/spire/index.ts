import type { Guardrail } from "../../rules/guardrail";
import { ciliumAccounts } from "./ciliumAccounts";
import { delegateWiring } from "./delegateWiring";
import { entryOwnership } from "./entryOwnership";
import { federation } from "./federation";
import { noAdminEntries } from "./noAdminEntries";
import { oneSpire } from "./oneSpire";
import { serverAddress } from "./serverAddress";
import { socketDirectories } from "./socketDirectories";
import { spireChoices } from "./spireChoices";
import { spireNeeded } from "./spireNeeded";
import { trustDomain } from "./trustDomain";

/** One SPIRE, where Cilium finds it, and its registration entries. */
export const spire: readonly Guardrail[] = [
  trustDomain,
  spireChoices,
  spireNeeded,
  oneSpire,
  delegateWiring,
  serverAddress,
  socketDirectories,
  ciliumAccounts,
  noAdminEntries,
  entryOwnership,
  federation,
];
