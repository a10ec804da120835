import { Module } from '@nestjs/common';
import { ProfilesModule } from '../../../profiles/profiles.module.js';
import { SecurityModule } from '../../../security/security.module.js';
import { UsersTrackController } from './users-track.controller.js';

@Module({ imports: [ProfilesModule, SecurityModule], controllers: [UsersTrackController] })
export class UsersTrackModule {}
