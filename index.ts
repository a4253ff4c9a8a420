import { readConfig } from "./components/program";
import { deploy } from "./deploy";

/** One stack is one cluster: its configuration in, its components out. */
export = async () => deploy(readConfig());
