// The package's version.
import { version } from "../package.json";

export { version };
