import { delimiter, dirname } from "node:path";
import { buildTools } from "../../tools/go";

// What the tests and the providers find on PATH, as a user has it there.
const { kubectl } = buildTools(["kubectl", "helm"]);
// A worker whose runner was killed would go on, with all that it has started: what it has started ends with it.
process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));
process.env["PATH"] = [dirname(kubectl), process.env["PATH"]].join(delimiter);
