import { AppError } from '../kernel/errors.js';
import { transition, type JourneyChange, type JourneyStatus } from './transitions.js';

export function journeyUnknown(keyOrId: string): AppError {
  return new AppError('journey_unknown', `there is no journey ${keyOrId}`);
}

export function versionUnknown(keyOrId: string, version: number): AppError {
  return new AppError('version_unknown', `the journey ${keyOrId} has no version ${version}`, { version });
}

/** The status a journey has after the change. Errors: the code of the table in `transitions.ts`. */
export function refuseUnlessFits(status: JourneyStatus, change: JourneyChange): JourneyStatus {
  const outcome = transition(status, change);
  if (!outcome.fits) throw new AppError(outcome.code, `cannot ${change}: ${outcome.message}`, { status });
  return outcome.status;
}
