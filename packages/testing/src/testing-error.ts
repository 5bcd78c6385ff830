/** A mistake in a test, or what the world lacks; the message is for whoever wrote the test. */
export class TestingError extends Error {
  override readonly name = 'TestingError';
}
