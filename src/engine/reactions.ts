/**
 * What happens when something happens: ingest calls `react` inside the transaction that stores events, purchases and
 * attribute changes, with the profiles locked. Live journeys whose trigger matches get an entry (through the gate);
 * entries that wait for it, or leave by it, get a signal. Everything is committed with the happening or not at all.
 */
import { Injectable } from '@nestjs/common';
import { matches } from '../journey/trigger.js';
import { Catalog, JourneyCatalog, type EntryListener } from '../journeys/catalog.js';
import type { Sql, Transaction } from '../persistence/database.js';
import { IngestListener, topicsOfHappening, type Happening, type ReactBatch } from '../profiles/happening.js';
import { BatchHistory, profilesAfter } from './batch.js';
import { enterAll, type EntryRequest } from './entry-gate.js';
import { isEntryOpen, toEntryRequest } from './entry-rules.js';
import { loadSubjects, type Want } from './subjects.js';
import { meetWaits } from './wait-matching.js';

@Injectable()
export class Reactions extends IngestListener {
  constructor(private readonly catalog: JourneyCatalog) {
    super();
  }

  async topics(tx: Sql, workspace: number): Promise<ReadonlySet<string>> {
    return (await this.catalog.current(tx)).topics(workspace);
  }

  async react(tx: Transaction, batch: ReactBatch): Promise<void> {
    const catalog = await this.catalog.current(tx);
    // Waits first: an entry that this happening makes must not be taken out again by the same happening.
    await meetWaits(tx, this.catalog, catalog, batch);
    await this.enter(tx, catalog, batch);
  }

  private async enter(tx: Transaction, catalog: Catalog, batch: ReactBatch): Promise<void> {
    const candidates = findCandidates(catalog, batch);
    if (candidates.length === 0) return;
    const subjects = await loadSubjects(tx, catalog, candidates.map(toWant(batch)), batch.now, profilesAfter(batch));
    const past = new BatchHistory(batch);
    const requests: EntryRequest[] = [];
    for (const { listener, happening, index } of candidates) {
      const base = subjects.of(batch.workspace, happening.profileId, happening.properties, happening.properties);
      // The audience sees the profile's past without the trigger itself (Braze: audience first, trigger second).
      const subject = { ...base, history: past.before(base.history, happening.profileId, index) };
      if (!matches(listener.trigger, happening, subject, batch.now)) continue;
      if (!isEntryOpen(listener.compiled, subject.companyTimeZone, batch.now)) continue;
      requests.push(toEntryRequest(listener, happening, subject, batch.now));
    }
    await enterAll(tx, requests, batch.now);
  }
}

interface Candidate {
  readonly listener: EntryListener;
  readonly happening: Happening;
  readonly index: number;
}

/** Each journey once per happening, by the first of its triggers that listens. */
function findCandidates(catalog: Catalog, batch: ReactBatch): Candidate[] {
  const candidates: Candidate[] = [];
  batch.happenings.forEach((happening, index) => {
    const seen = new Set<unknown>();
    for (const topic of topicsOfHappening(happening)) {
      for (const listener of catalog.entryListeners(batch.workspace, topic)) {
        if (seen.has(listener.trigger)) continue;
        seen.add(listener.trigger);
        candidates.push({ listener, happening, index });
      }
    }
  });
  return candidates;
}

function toWant(batch: ReactBatch): (candidate: Candidate) => Want {
  return ({ listener, happening }) => {
    return {
      lane: happening.lane,
      profileId: happening.profileId,
      workspace: batch.workspace,
      needs: listener.compiled.entryNeeds,
      lock: false,
    };
  };
}
