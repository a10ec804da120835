import { parseDuration } from '../kernel/duration.js';
import { templateNeeds } from '../liquid/template.js';
import type { Filter, Leaf } from './shape.js';
import { rightSide } from './right-side.js';
import { mergeNeeds, NO_NEEDS, type HappeningKind, type Needs } from './subject.js';
import { leavesOf } from './walk.js';

const PROFILE: Needs = { ...NO_NEEDS, profile: true };

/** What has to be loaded before a filter can be evaluated. */
export function filterNeeds(filter: Filter): Needs {
  return mergeNeeds([...leavesOf(filter)].flatMap(({ leaf }) => leafNeeds(leaf)));
}

function leafNeeds(leaf: Leaf): Needs[] {
  if ('event' in leaf) return [eventNeeds('event', leaf.event, leaf)];
  if ('purchase' in leaf) return [eventNeeds('purchase', leaf.purchase, leaf)];
  if ('journey' in leaf) return [{ ...NO_NEEDS, journeys: [leaf.journey] }];
  if ('webhook_sent' in leaf) return [{ ...NO_NEEDS, webhooks: [leaf.webhook_sent] }];
  if ('bucket' in leaf || 'subscription' in leaf || 'segment' in leaf) return [PROFILE];
  const needs = rightSide(leaf.value).templates.map(templateNeeds);
  // A day of the year is one in the profile's time zone.
  if ('attribute' in leaf || leaf.op === 'day_of_year_is') needs.push(PROFILE);
  if ('last_event' in leaf)
    needs.push({ ...NO_NEEDS, history: [{ kind: 'event', name: leaf.last_event, within: null }] });
  return needs;
}

function eventNeeds(kind: HappeningKind, name: string, { within, where }: { within?: string; where?: Filter }): Needs {
  const ms = within === undefined ? null : parseDuration(within);
  return { ...NO_NEEDS, history: [{ kind, name, within: ms ?? (where === undefined ? null : Infinity) }] };
}
