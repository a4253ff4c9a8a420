import { delimiter, dirname } from "node:path";
import { buildTools } from "../../tools/go";

// What the tests and the providers find on PATH, as a user has it there.
const { kubectl } = buildTools(["kubectl", "helm"]);
process.env["PATH"] = [dirname(kubectl), process.env["PATH"]].join(delimiter);
