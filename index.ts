import { readConfig } from "./program/program";
import { deploy } from "./program/deploy";

/** One stack is one cluster: its configuration in, its components out. */
export = async () => deploy(readConfig());
