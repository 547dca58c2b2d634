// The list of transactions.
import { startInstants } from "./instants.js";

startInstants();
