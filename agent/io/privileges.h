/* Which of root's powers the process keeps once it serves. */
#ifndef USHER_IO_PRIVILEGES_H
#define USHER_IO_PRIVILEGES_H

/*
 * Keep exactly what a reload needs, as far as it is there: to bind ports below 1024, to give a
 * UNIX socket to somebody, to read keys that only root may read. All else is given up for good.
 * Before other threads are made. 0, or a negative errno.
 */
int privileges_keep_for_reload(void);

#endif
