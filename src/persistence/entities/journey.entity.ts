import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('journey')
export class JourneyEntity {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('integer')
  workspace!: number;

  @Column('text')
  key!: string;

  @Column('text')
  name!: string;

  @Column('text', { default: 'draft' })
  status!: 'draft' | 'active' | 'stopped' | 'archived';

  @Column('integer', { name: 'live_version', nullable: true })
  liveVersion!: number | null;

  @Column('integer', { name: 'latest_version' })
  latestVersion!: number;

  /** Intervals in which the journey was stopped, epoch milliseconds; `to` is null while it is. */
  @Column('jsonb', { default: [] })
  stops!: { from: number; to: number | null }[];

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'updated_at' })
  updatedAt!: Date;
}
