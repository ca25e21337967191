import { parentPort } from "node:worker_threads";
import { BatonError } from "../src/errors.ts";
import { type GridPoint, simulatePoint } from "../src/simulator/grid_point.ts";

/** A thread that simulates the points of a grid, one after the other. */
parentPort?.on("message", (point: GridPoint) => {
  try {
    parentPort?.postMessage({ result: simulatePoint(point) });
  } catch (error) {
    const plain = error instanceof BatonError ? error.toPlain() : undefined;
    parentPort?.postMessage({ error: plain ?? String(error) });
  }
});
