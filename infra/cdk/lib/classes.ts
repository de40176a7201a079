/** One kind of machine that proves, and the prover that it is in the market. */
export interface FleetClass {
  /** The prover's id, and the group's name after the prefix. */
  name: string;
  gpu: boolean;
  /** Any of these will do; where instances are on demand, the first that can be had. */
  instanceTypes: string[];
  /** Instances kept running without work. */
  warm: number;
  /** Instances at most; a class with 0 is not offered in the market. */
  max: number;
  /** The first so many instances are on demand. */
  onDemandBase: number;
  /** Of the instances above the base, how many are on demand, in percent; the rest are spot. */
  onDemandPercent: number;
  /** Tasks that one instance may have waiting or under way before another is started. */
  tasksPerInstance: number;
  diskGib: number;
  /** Circuits that it takes, `name@version`; none: all. */
  circuits: string[];
  /** Credits asked for a task. */
  price: number;
  /** Privacy levels. */
  levels: number[];
  promisedMs: number;
}

export const CLASSES: FleetClass[] = [
  {
    name: "fleet-cpu",
    gpu: false,
    // All of these have AVX-512 IFMA, which the engine is fastest with.
    instanceTypes: ["c7a.xlarge", "c7i.xlarge", "m7a.xlarge", "c7a.2xlarge", "c7i.2xlarge"],
    warm: 0,
    max: 10,
    onDemandBase: 0,
    onDemandPercent: 0,
    tasksPerInstance: 16,
    diskGib: 16,
    circuits: [],
    price: 10,
    levels: [1, 2, 3],
    promisedMs: 30_000,
  },
  {
    name: "fleet-gpu",
    gpu: true,
    instanceTypes: ["g6.xlarge", "g5.xlarge", "g6.2xlarge", "g5.2xlarge", "g4dn.xlarge"],
    warm: 0,
    max: 0,
    onDemandBase: 1,
    onDemandPercent: 0,
    tasksPerInstance: 64,
    // The image with NVIDIA's driver is large.
    diskGib: 64,
    circuits: [],
    price: 10,
    levels: [1, 2, 3],
    promisedMs: 30_000,
  },
];
