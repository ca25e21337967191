/** The channel on which a worker is told what to die of. */
export const DEATHS = "baton-test-deaths";
