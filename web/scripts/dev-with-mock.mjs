// The development page over the mock API: node scripts/dev-with-mock.mjs
import { createServer } from "vite";
import { startMock } from "../mock/server.mjs";

const mock = await startMock(0);
process.env.COACHWORK_API = mock.url;
const vite = await createServer();
await vite.listen();
console.log("The page over made-up data (mock):");
vite.printUrls();
