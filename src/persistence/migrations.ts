import { CreateDefinitions1764000000000 } from '../../migrations/1764000000000-create-definitions.js';
import { CreateProfiles1764000001000 } from '../../migrations/1764000001000-create-profiles.js';
import { CreateEngine1764000002000 } from '../../migrations/1764000002000-create-engine.js';
import { CreateDelivery1764000003000 } from '../../migrations/1764000003000-create-delivery.js';
import { CreatePartitions1764000004000 } from '../../migrations/1764000004000-create-partitions.js';

/** Every migration, oldest first: a new one is added at the end, none is ever changed once released. */
export const migrations = [
  CreateDefinitions1764000000000,
  CreateProfiles1764000001000,
  CreateEngine1764000002000,
  CreateDelivery1764000003000,
  CreatePartitions1764000004000,
];
