import type { Happening, ReactBatch } from '../profiles/happening.js';
import type { EventFact, History, ProfileFacts } from '../segments/subject.js';

/** The batch's profiles with its changes applied, by id. */
export function profilesAfter(batch: ReactBatch): Map<string, ProfileFacts> {
  return new Map([...batch.profiles].map(([id, { after }]) => [id, after]));
}

/** A profile's past as the database knows it (this batch is not stored yet) plus what came earlier in the batch. */
export class BatchHistory {
  private readonly byProfile = new Map<string, { index: number; happening: Happening }[]>();

  constructor(batch: ReactBatch) {
    batch.happenings.forEach((happening, index) => {
      if (happening.kind === 'attributes') return;
      const known = this.byProfile.get(happening.profileId) ?? [];
      known.push({ index, happening });
      this.byProfile.set(happening.profileId, known);
    });
  }

  before(stored: History, profileId: string, index: number): History {
    const earlier = (this.byProfile.get(profileId) ?? [])
      .filter((item) => item.index < index)
      .map((item) => item.happening);
    if (earlier.length === 0) return stored;
    const of = (kind: string, name: string): Happening[] =>
      earlier.filter((h) => h.kind === kind && (h.name === name || (kind === 'purchase' && name === '*')));
    return {
      stats: (kind, name) => {
        const known = stored.stats(kind, name);
        const more = of(kind, name);
        if (more.length === 0) return known;
        const times = more.map((h) => h.at);
        return {
          count: (known?.count ?? 0) + more.reduce((sum, h) => sum + (h.quantity ?? 1), 0),
          first: Math.min(known?.first ?? Infinity, ...times),
          last: Math.max(known?.last ?? -Infinity, ...times),
        };
      },
      list: (kind, name) => {
        const more: EventFact[] = of(kind, name).flatMap((h) =>
          Array.from({ length: h.quantity ?? 1 }, () => ({ name: h.name, at: h.at, properties: h.properties })),
        );
        return more.length === 0
          ? stored.list(kind, name)
          : [...more, ...stored.list(kind, name)].sort((a, b) => b.at - a.at);
      },
    };
  }
}
