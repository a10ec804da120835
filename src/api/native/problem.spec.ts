import { BadRequestException, ForbiddenException, NotFoundException } from '@nestjs/common';
import { AppError } from '../../kernel/errors.js';
import { problem, STATUS } from './problem.js';
import { toProblem } from './problem.filter.js';

describe('problem documents', () => {
  it('a code of ours decides the status; details are members', () => {
    expect(toProblem(new AppError('journey_invalid', 'two errors', { issues: [] }))).toEqual({
      title: 'Unprocessable Entity',
      status: 422,
      code: 'journey_invalid',
      detail: 'two errors',
      issues: [],
    });
  });

  it('details never replace the members of every problem', () => {
    expect(problem('journey_unknown', 404, 'gone', { status: 'draft', code: 'other', title: 'x' })).toMatchObject({
      status: 404,
      code: 'journey_unknown',
      title: 'Not Found',
    });
  });

  it('says nothing of what went wrong inside', () => {
    for (const error of [
      new Error('password=hunter2'),
      new AppError('statement_name_taken', 'secret'),
      'thrown text',
      null,
    ]) {
      const answer = toProblem(error);
      expect(answer).toMatchObject({ status: 500, code: 'internal' });
      expect(JSON.stringify(answer)).not.toMatch(/hunter2|secret|thrown/);
    }
  });

  it('a database that is away is 503', () => {
    expect(toProblem(Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }))).toMatchObject({
      status: 503,
      code: 'database_unavailable',
    });
    expect(toProblem(Object.assign(new Error('x', { cause: 1 }), { code: '57P01' }))).toMatchObject({ status: 503 });
  });

  it('refusals of the web server get a code', () => {
    const refused = (code: string, statusCode: number) =>
      toProblem(Object.assign(new Error('no'), { code, statusCode }));
    expect(refused('FST_ERR_CTP_BODY_TOO_LARGE', 413)).toMatchObject({ status: 413, code: 'body_too_large' });
    expect(refused('FST_ERR_CTP_INVALID_MEDIA_TYPE', 415)).toMatchObject({
      status: 415,
      code: 'media_type_unsupported',
    });
    expect(toProblem(new NotFoundException('Cannot GET /api/x'))).toMatchObject({
      status: 404,
      code: 'not_found',
      detail: 'Cannot GET /api/x',
    });
    expect(toProblem(new BadRequestException('odd'))).toMatchObject({
      status: 400,
      code: 'bad_request',
      detail: 'odd',
    });
    expect(toProblem(new ForbiddenException({ code: 'scope_missing', message: 'no', scope: 'x' }))).toMatchObject({
      code: 'scope_missing',
      scope: 'x',
    });
  });

  it('every status is one that HTTP has', () => {
    for (const [code, status] of Object.entries(STATUS)) expect(problem(code, status, '').title).not.toBe('Error');
  });
});
