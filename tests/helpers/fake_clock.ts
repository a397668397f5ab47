export { FakeClock } from "../../testing.ts";
