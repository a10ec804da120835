import { ApiKeyEntity } from './entities/api-key.entity.js';
import { JourneyVersionEntity } from './entities/journey-version.entity.js';
import { JourneyEntity } from './entities/journey.entity.js';
import { WorkspaceEntity } from './entities/workspace.entity.js';

/** The tables that are reached through TypeORM: definitions, keys and settings. Hot tables have no entity. */
export const entities = [WorkspaceEntity, ApiKeyEntity, JourneyEntity, JourneyVersionEntity];
