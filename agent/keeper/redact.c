/*
 * Secrets are taken out of the job's output before any of it is written or told: every byte of one becomes `*`, so
 * offsets stay true. All secrets are looked for at once (Aho-Corasick), also where one is cut by reads, or by line breaks
 * as encoders put them in. What may be the beginning of a secret is held back until that is known.
 */
#define _GNU_SOURCE
#include "keeper.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Line breaks in a row that may stand inside of a secret: "\r\n". */
enum { BREAKS = 2 };

/* A state: what was read last is the beginning of a secret, so long. State 0 is none. */
struct state {
    uint32_t child, sibling; /* those one byte longer; 0: none */
    uint32_t fail;           /* the longest other beginning that this ends with */
    uint32_t depth, match;   /* its length; that of the longest secret that it ends with, or 0 */
    unsigned char byte;
};

static struct state *states;
static uint32_t n_states, room;
static uint32_t first[256]; /* the states of depth 1, by byte */

static uint32_t child_of(uint32_t at, unsigned char byte) {
    if (!at) return first[byte];
    for (uint32_t one = states[at].child; one; one = states[one].sibling)
        if (states[one].byte == byte) return one;
    return 0;
}

static uint32_t new_state(void) {
    if (n_states == room) {
        room = room ? 2 * room : 1024;
        states = realloc(states, room * sizeof *states);
        if (!states) _exit(71); /* the job ends with its keeper: better than to tell its secrets */
    }
    memset(&states[n_states], 0, sizeof *states);
    return n_states++;
}

static void learn(const char *secret) {
    uint32_t at = 0;
    for (const unsigned char *c = (const unsigned char *)secret; *c; c++) {
        uint32_t next = child_of(at, *c);
        if (!next) {
            next = new_state();
            states[next].byte = *c;
            states[next].depth = states[at].depth + 1;
            if (at) states[next].sibling = states[at].child, states[at].child = next;
            else first[*c] = next;
        }
        at = next;
    }
    states[at].match = states[at].depth;
}

void learn_secrets(char **secrets) {
    if (!secrets) return;
    new_state();
    for (; *secrets; secrets++)
        if (strlen(*secrets) && strlen(*secrets) <= LONGEST_SECRET) learn(*secrets);
    uint32_t *queue = malloc(n_states * sizeof *queue), begin = 0, end = 0;
    if (!queue) _exit(71);
    for (int byte = 0; byte < 256; byte++)
        if (first[byte]) queue[end++] = first[byte];
    while (begin < end) {
        uint32_t at = queue[begin++];
        if (!states[at].match) states[at].match = states[states[at].fail].match;
        for (uint32_t one = states[at].child; one; one = states[one].sibling) {
            uint32_t back = states[at].fail, next;
            while (!(next = child_of(back, states[one].byte)) && back) back = states[back].fail;
            states[one].fail = next;
            queue[end++] = one;
        }
    }
    free(queue);
}

bool has_secrets(void) { return n_states > 1; }

static uint32_t step(uint32_t at, unsigned char byte) {
    uint32_t next;
    while (!(next = child_of(at, byte)) && at) at = states[at].fail;
    return next;
}

/* Over the secret that ends here, but for the line breaks in it. */
static void mask(struct redactor *r, uint32_t length) {
    for (size_t i = r->end; length && i-- > r->begin; length -= r->counts[i])
        if (r->held[i] != '\n' && r->held[i] != '\r') r->held[i] = '*';
}

/* Give out what can't be part of a secret any more. */
static size_t release(struct redactor *r, uint32_t keep, unsigned char *to) {
    size_t given = 0;
    while (r->begin < r->end && (r->counted > keep || !r->counts[r->begin])) {
        r->counted -= r->counts[r->begin];
        to[given++] = r->held[r->begin++];
    }
    if (r->begin == r->end) r->begin = r->end = 0;
    return given;
}

size_t redact(struct redactor *r, const unsigned char *data, size_t len, unsigned char *to) {
    size_t given = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = data[i];
        bool is_break = byte == '\n' || byte == '\r', counts = true;
        uint32_t next = r->begin == r->end && !first[byte] ? 0 : step(r->state, byte);
        if (is_break && !next && r->state && r->breaks < BREAKS) {
            next = r->state;
            counts = false;
            r->breaks++;
        } else {
            r->breaks = 0;
        }
        r->state = next;
        if (!next && r->begin == r->end) {
            to[given++] = byte;
            continue;
        }
        if (r->end == sizeof r->held) {
            memmove(r->held, r->held + r->begin, r->end - r->begin);
            memmove(r->counts, r->counts + r->begin, r->end - r->begin);
            r->end -= r->begin;
            r->begin = 0;
        }
        r->held[r->end] = byte;
        r->counts[r->end++] = counts;
        r->counted += counts;
        if (counts && states[next].match) mask(r, states[next].match);
        given += release(r, states[next].depth, to + given);
    }
    return given;
}

size_t redact_rest(struct redactor *r, unsigned char *to) {
    size_t given = 0;
    for (; r->begin < r->end; r->begin++) to[given++] = r->held[r->begin];
    r->begin = r->end = 0;
    r->counted = r->state = 0;
    return given;
}
