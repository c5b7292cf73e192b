// The floor of `reprise bench log`: the least that a C program can do to append records to LMDB, and to read them back.
//
//     log DIR BATCH SECONDS always|interval|never RECORD_BYTES
//
// Appends copies of one prepared record under the keys 1, 2, 3, … (MDB_INTEGERKEY, MDB_APPEND | MDB_RESERVE), BATCH of
// them to a transaction, for SECONDS; then scans the table once. DIR must exist and be empty. What it leaves out, and
// `LogWriter` does: encoding, the chain hash, and looking at each event for what it changes in the derived tables.
//
// Prints {"appends":N,"appendsPerSecond":R,"scanPerSecond":R}. Exits with 1 when LMDB refuses, with 64 on wrong usage.

#define _POSIX_C_SOURCE 200809L

#include <lmdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const size_t map_bytes = (size_t)64 << 30;
static const double sync_interval_seconds = 0.1; // as `serve --durability interval`

static double now_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void check(int result, const char *operation) {
    if (result == MDB_SUCCESS) return;
    fprintf(stderr, "log: %s: %s\n", operation, mdb_strerror(result));
    exit(1);
}

static MDB_env *open_environment(const char *directory, int syncs_every_commit) {
    MDB_env *environment;
    check(mdb_env_create(&environment), "mdb_env_create");
    check(mdb_env_set_mapsize(environment, map_bytes), "mdb_env_set_mapsize");
    check(mdb_env_set_maxdbs(environment, 1), "mdb_env_set_maxdbs");
    check(mdb_env_open(environment, directory, MDB_NOTLS | (syncs_every_commit ? 0 : MDB_NOSYNC), 0644), directory);
    return environment;
}

static MDB_dbi make_table(MDB_env *environment) {
    MDB_txn *transaction;
    MDB_dbi table;
    check(mdb_txn_begin(environment, NULL, 0, &transaction), "mdb_txn_begin");
    check(mdb_dbi_open(transaction, "events", MDB_CREATE | MDB_INTEGERKEY, &table), "mdb_dbi_open");
    check(mdb_txn_commit(transaction), "mdb_txn_commit");
    return table;
}

// One transaction of `batch` records after `last`. One cursor for all of them: LMDB then knows where the end is.
static void append_batch(MDB_env *environment, MDB_dbi table, uint64_t last, int batch, const MDB_val *record) {
    MDB_txn *transaction;
    MDB_cursor *cursor;
    check(mdb_txn_begin(environment, NULL, 0, &transaction), "mdb_txn_begin");
    check(mdb_cursor_open(transaction, table, &cursor), "mdb_cursor_open");
    for (int index = 0; index < batch; index++) {
        uint64_t position = ++last;
        MDB_val key = {sizeof position, &position};
        MDB_val page = {record->mv_size, NULL};
        check(mdb_cursor_put(cursor, &key, &page, MDB_APPEND | MDB_RESERVE), "mdb_cursor_put");
        memcpy(page.mv_data, record->mv_data, record->mv_size);
    }
    mdb_cursor_close(cursor);
    check(mdb_txn_commit(transaction), "mdb_txn_commit");
}

// Records read per second; every key and every last byte is looked at.
static double scan(MDB_env *environment, MDB_dbi table, uint64_t expected) {
    MDB_txn *transaction;
    MDB_cursor *cursor;
    MDB_val key, value;
    uint64_t count = 0, sum = 0;
    double start = now_seconds();
    check(mdb_txn_begin(environment, NULL, MDB_RDONLY, &transaction), "mdb_txn_begin");
    check(mdb_cursor_open(transaction, table, &cursor), "mdb_cursor_open");
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == MDB_SUCCESS) {
        uint64_t position;
        memcpy(&position, key.mv_data, sizeof position);
        if (position == ++count) sum += ((const unsigned char *)value.mv_data)[value.mv_size - 1];
    }
    mdb_cursor_close(cursor);
    mdb_txn_abort(transaction);
    double seconds = now_seconds() - start;
    if (count != expected || sum == 0) {
        fprintf(stderr, "log: appended %ju records, read %ju\n", (uintmax_t)expected, (uintmax_t)count);
        exit(1);
    }
    return (double)count / seconds;
}

int main(int count, char **arguments) {
    int batch = count == 6 ? atoi(arguments[2]) : 0;
    double limit_seconds = count == 6 ? atof(arguments[3]) : 0;
    int record_bytes = count == 6 ? atoi(arguments[5]) : 0;
    if (batch < 1 || limit_seconds <= 0 || record_bytes < 1) {
        fprintf(stderr, "usage: log DIR BATCH SECONDS always|interval|never RECORD_BYTES\n");
        return 64;
    }
    const char *durability = arguments[4];
    int syncs_on_interval = strcmp(durability, "interval") == 0;

    MDB_val record = {(size_t)record_bytes, malloc((size_t)record_bytes)};
    memset(record.mv_data, 'x', record.mv_size);
    MDB_env *environment = open_environment(arguments[1], strcmp(durability, "always") == 0);
    MDB_dbi table = make_table(environment);

    uint64_t last = 0;
    double start = now_seconds(), synced = start, now = start;
    while (now - start < limit_seconds) {
        append_batch(environment, table, last, batch, &record);
        last += (uint64_t)batch;
        now = now_seconds();
        if (syncs_on_interval && now - synced >= sync_interval_seconds) {
            check(mdb_env_sync(environment, 1), "mdb_env_sync");
            synced = now = now_seconds();
        }
    }
    double append_rate = (double)last / (now - start);
    double scan_rate = scan(environment, table, last);
    mdb_env_close(environment);
    free(record.mv_data);
    printf("{\"appends\":%ju,\"appendsPerSecond\":%.0f,\"scanPerSecond\":%.0f}\n", (uintmax_t)last, append_rate, scan_rate);
    return 0;
}
