import { Module, type DynamicModule } from '@nestjs/common';
import { Config } from './env.js';

/** Token of the key material, see `secret.ts`. */
export const SECRET = Symbol('secret');

/** The settings and the secret, for every room. */
@Module({})
export class ConfigModule {
  static with(config: Config, secret: string): DynamicModule {
    const providers = [
      { provide: Config, useValue: config },
      { provide: SECRET, useValue: secret },
    ];
    return { module: ConfigModule, global: true, providers, exports: [Config, SECRET] };
  }
}
