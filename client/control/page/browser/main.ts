// The entry of the page: takes the token out of the address, and opens the page with it.
import { LivePage } from './live-page.ts';
import { takeToken } from './token.ts';

new LivePage(takeToken()).open();
