/* The job's output: its start goes to the file at once, its end once it is known to be the end. */
#define _GNU_SOURCE
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 65536, HEADER = 10, PREFIX = 13 };

struct stream {
    int number, fd, ring;          /* as in the journal; the pipe; where the tail is kept */
    uint64_t head_left;            /* bytes that still go straight to the output file */
    uint64_t tail_max, tail_start; /* size of the ring; the offset where it began, or NEVER */
    uint64_t done;                 /* bytes that left the buffer */
    uint64_t flushed_at;
    size_t len;
    bool pending, cut; /* bytes wait to be flushed; not everything was kept */
    unsigned char buf[CHUNK];
    struct redactor redactor;
};

static struct stream streams[STREAMS] = {{.number = 1, .fd = -1}, {.number = 2, .fd = -1}};
static int out = -1;

static void keep(struct stream *s, uint64_t offset, const unsigned char *data, size_t len);
static void keep_tail(struct stream *s, const unsigned char *data, size_t len);
static size_t whole(const unsigned char *data, size_t end);

void open_streams(const int *fds) {
    for (int i = 0; i < STREAMS; i++) {
        struct stream *s = &streams[i];
        s->fd = fds[i];
        fcntl(s->fd, F_SETFL, O_NONBLOCK);
        s->head_left = spec.max_bytes / 2;
        s->tail_max = spec.max_bytes - spec.max_bytes / 2;
        s->tail_start = NEVER;
        s->ring = -1;
    }
}

int stream_fd(int which) { return streams[which].fd; }
uint64_t stream_bytes(int which) { return streams[which].done; }
bool stream_cut(int which) { return streams[which].cut; }
int output_fd(void) { return out; }

static void flush(struct stream *s, bool last) {
    size_t head = (size_t)earlier(s->len, s->head_left), n = last ? head : whole(s->buf, head);
    bool head_ends = head == s->head_left;
    keep(s, s->done, s->buf, n);
    s->done += n;
    s->head_left -= n;
    /* Many small records take more room than what they hold: the file as a whole is bounded too. */
    if (head_ends || kept.size > 4 * spec.max_bytes + (1 << 20)) s->head_left = 0;
    s->len -= n;
    if (s->head_left == 0 && s->len) {
        keep_tail(s, s->buf + n, s->len);
        s->len = 0;
    }
    memmove(s->buf, s->buf + n, s->len); /* at most the first bytes of a character */
    s->pending = false;
    s->flushed_at = now(CLOCK_BOOTTIME);
}

bool take(int which) {
    struct stream *s = &streams[which], *other = &streams[!which];
    static unsigned char raw[CHUNK];
    bool filters = has_secrets();
    ssize_t n = -1;
    if (s->fd >= 0)
        n = filters ? read(s->fd, raw, CHUNK - s->len - MOST_HELD) : read(s->fd, s->buf + s->len, CHUNK - s->len);
    if (n < 0 && (s->fd < 0 || errno == EAGAIN || errno == EINTR)) return false;
    if (n <= 0) {
        close(s->fd);
        s->fd = -1;
        return false;
    }
    if (other->pending) flush(other, false); /* in the order in which it came */
    s->len += filters ? redact(&s->redactor, raw, (size_t)n, s->buf + s->len) : (size_t)n;
    s->pending = true;
    if (s->len >= 4096 || now(CLOCK_BOOTTIME) - s->flushed_at >= JOIN_NS) flush(s, false);
    return true;
}

uint64_t flush_due(uint64_t t) {
    uint64_t next = NEVER;
    for (int i = 0; i < STREAMS; i++) {
        struct stream *s = &streams[i];
        if (s->pending && t >= s->flushed_at + JOIN_NS) flush(s, false);
        if (s->pending) next = earlier(next, s->flushed_at + JOIN_NS);
    }
    return next;
}

static bool read_ring(struct stream *s, uint64_t from, size_t len) {
    uint64_t at = (from - s->tail_start) % s->tail_max;
    size_t first = (size_t)earlier(len, s->tail_max - at);
    return pread(s->ring, s->buf, first, (off_t)at) == (ssize_t)first &&
           pread(s->ring, s->buf + first, len - first, 0) == (ssize_t)(len - first);
}

/* Nothing more comes: the end of the stream follows its start in the file, at its true offset. */
static void finish(struct stream *s) {
    if (s->fd >= 0) close(s->fd), s->fd = -1;
    s->len += redact_rest(&s->redactor, s->buf + s->len);
    flush(s, true);
    if (s->tail_start == NEVER) return;
    uint64_t from = s->done - earlier(s->done - s->tail_start, s->tail_max);
    bool gap = from > s->tail_start;
    s->cut |= gap;
    while (from < s->done) {
        size_t len = (size_t)earlier(CHUNK, s->done - from), skip = 0;
        if (!read_ring(s, from, len)) {
            kept.dropped += s->done - from;
            s->cut = true;
            break;
        }
        /* The gap may end inside a character: what is left of that is no text. */
        while (gap && skip < 3 && skip < len && (s->buf[skip] & 0xC0) == 0x80) skip++;
        gap = false;
        size_t end = from + len < s->done ? whole(s->buf, len) : len;
        keep(s, from + skip, s->buf + skip, end - skip);
        from += end;
    }
    close(s->ring);
    unlink(name(s->number == 1 ? "tail1" : "tail2"));
}

void finish_streams(void) {
    for (int i = 0; i < STREAMS; i++) {
        /* What a background child wrote until now is still taken, one buffer of it. */
        take(i);
        finish(&streams[i]);
    }
}

/* The last place at or before `end` that is not inside a UTF-8 character; `end` if this is not UTF-8. */
static size_t whole(const unsigned char *data, size_t end) {
    for (size_t back = 1; back <= 4 && back <= end; back++) {
        unsigned char byte = data[end - back];
        if ((byte & 0xC0) == 0x80) continue;
        size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
        return length > back && byte < 0xF8 ? end - back : end;
    }
    return end;
}

static void put32(unsigned char *at, uint32_t value) {
    for (int i = 0; i < 4; i++) at[i] = (unsigned char)(value >> (24 - 8 * i));
}

static uint32_t crc32(uint32_t crc, const unsigned char *data, size_t len) {
    static uint32_t table[256];
    if (!table[1])
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t c = i;
            for (int bit = 0; bit < 8; bit++) c = c & 1 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
            table[i] = c;
        }
    crc = ~crc;
    while (len--) crc = table[(crc ^ *data++) & 0xFF] ^ (crc >> 8);
    return ~crc;
}

/* One record of the journal: what `journal/framing.py` and `journal/spool.py` read. */
static void keep(struct stream *s, uint64_t offset, const unsigned char *data, size_t len) {
    unsigned char head[HEADER + PREFIX] = {'T', 'J'};
    if (!len) return;
    if (kept.size + sizeof head + len > kept.room) {
        kept.dropped += len;
        s->cut = true;
        return;
    }
    if (out < 0) out = open(name("out"), O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
    put32(head + 10, kept.seq + 1);
    head[14] = (unsigned char)s->number;
    put32(head + 15, (uint32_t)(offset >> 32));
    put32(head + 19, (uint32_t)offset);
    put32(head + 2, (uint32_t)(PREFIX + len));
    put32(head + 6, crc32(crc32(0, head + HEADER, PREFIX), data, len));
    struct iovec parts[2] = {{head, sizeof head}, {(void *)data, len}};
    ssize_t written = out < 0 ? -1 : writev(out, parts, 2);
    if (written != (ssize_t)(sizeof head + len)) {
        /* The disk is full, say. Half a record would hide all that follow it. */
        if (written > 0 && ftruncate(out, (off_t)kept.size)) kept.size += (uint64_t)written;
        kept.dropped += len;
        s->cut = true;
        return;
    }
    kept.size += (uint64_t)written;
    kept.seq++;
    kept.is_news = true;
}

/* Into the ring, over the oldest. */
static void keep_tail(struct stream *s, const unsigned char *data, size_t len) {
    if (s->tail_start == NEVER) {
        s->tail_start = s->done;
        s->ring = open(name(s->number == 1 ? "tail1" : "tail2"), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
    }
    while (len && s->tail_max) {
        uint64_t at = (s->done - s->tail_start) % s->tail_max;
        size_t part = (size_t)earlier(len, s->tail_max - at);
        if (pwrite(s->ring, data, part, (off_t)at) != (ssize_t)part) {
            kept.dropped += len;
            s->cut = true;
            s->tail_max = 0; /* what the ring holds has a hole now */
            break;
        }
        data += part, len -= part, s->done += part;
    }
    s->done += len;
}
