import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { JsonObject } from '../../kernel/json.js';

@Entity('journey_version')
export class JourneyVersionEntity {
  @PrimaryColumn('uuid', { name: 'journey_id' })
  journeyId!: string;

  @PrimaryColumn('integer')
  version!: number;

  /** The document as it was given, key order included. */
  @Column('json')
  definition!: JsonObject;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'launched_at', nullable: true })
  launchedAt!: Date | null;
}
