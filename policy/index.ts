import { join } from "node:path";
import { PolicyPack } from "@pulumi/policy";
import { guardrails } from "./guardrails";
import { policiesOf } from "./pack/pack";
import { projectStack } from "./pack/projectStack";

// The pack runs from .build, beside the project's stack files.
new PolicyPack("zero-trust", { policies: policiesOf(guardrails, projectStack(join(__dirname, ".."))) });
