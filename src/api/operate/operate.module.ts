import { Module } from '@nestjs/common';
import { OperateController } from './operate.controller.js';

/** `/healthz`, `/readyz`, `/metrics`: in every role. */
@Module({ controllers: [OperateController] })
export class OperateModule {}
