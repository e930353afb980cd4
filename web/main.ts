// The page's entry: the worker and the page on it.
import { connect } from "./client.js";
import { startPage } from "./page.js";

startPage(connect());
