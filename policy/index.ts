import { join } from "node:path";
import { PolicyPack } from "@pulumi/policy";
import { guardrails } from "./guardrails";
import { policiesOf } from "./pack";
import { projectStack } from "./projectStack";

// The pack runs from .build, beside the project's stack files.
new PolicyPack("zero-trust", { policies: policiesOf(guardrails, projectStack(join(__dirname, ".."))) });
