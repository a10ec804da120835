import type { EventFact, EventStat, HappeningKind, History, HistoryNeed } from '../segments/subject.js';

/** What a profile did under one name. */
export type Named = Pick<HistoryNeed, 'kind' | 'name'>;

export const keyOf = ({ kind, name }: Named): string => `${kind}:${name}`;

/** A profile's past as it was loaded. Pure. */
export class Past implements History {
  private readonly totals = new Map<string, EventStat>();
  private readonly facts = new Map<string, EventFact[]>();

  stats(kind: HappeningKind, name: string): EventStat | undefined {
    return this.totals.get(keyOf({ kind, name }));
  }

  list(kind: HappeningKind, name: string): readonly EventFact[] {
    return this.facts.get(keyOf({ kind, name })) ?? [];
  }

  addStat(of: Named, stat: EventStat): void {
    this.totals.set(keyOf(of), stat);
  }

  addFact(of: Named, fact: EventFact, times: number): void {
    const known = this.facts.get(keyOf(of)) ?? [];
    for (let i = 0; i < times; i++) known.push(fact);
    this.facts.set(keyOf(of), known);
  }
}
