#if defined(__x86_64__)
#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/sha256_kernels.h"

#define ASSAY_TARGET_AVX512 gnu::target("avx512f,avx512dq,avx512bw,avx512vl")
#define ASSAY_AVX512 [[gnu::always_inline, ASSAY_TARGET_AVX512]] inline

namespace assay::internal {
namespace {

constexpr std::size_t kLanes = 16;
using Vector = __m512i;  // a word of each string

// A round waits for the one before it, so sixteen strings leave a processor with several 512-bit units half
// idle. Two groups of sixteen fill it, each round of the one beside that of the other; their schedules no
// longer fit the registers, which costs less than the waiting.

ASSAY_AVX512 Vector add(Vector a, Vector b) { return _mm512_add_epi32(a, b); }
ASSAY_AVX512 Vector exclusive_or(Vector a, Vector b, Vector c) {
  return _mm512_ternarylogic_epi32(a, b, c, 0x96);
}

/// Whether word t of the schedule is zero in a last block that holds at most three bytes of the string.
constexpr bool is_zero(bool nearly_constant, std::size_t t) { return nearly_constant && t >= 1 && t <= 14; }

/// sum + s0(word), and sum + s1(word), of FIPS 180-4, section 4.1.2.
ASSAY_AVX512 Vector add_small0(Vector sum, Vector word) {
  return add(sum,
             exclusive_or(_mm512_ror_epi32(word, 7), _mm512_ror_epi32(word, 18), _mm512_srli_epi32(word, 3)));
}
ASSAY_AVX512 Vector add_small1(Vector sum, Vector word) {
  return add(
      sum, exclusive_or(_mm512_ror_epi32(word, 17), _mm512_ror_epi32(word, 19), _mm512_srli_epi32(word, 10)));
}

/// Puts word t + 16 of the schedule in the place of word t.
template <bool kNearlyConstant, std::size_t t>
ASSAY_AVX512 void schedule(Vector (&w)[16]) {
  Vector& word = w[t % 16];
  if constexpr (is_zero(kNearlyConstant, t)) word = _mm512_setzero_si512();
  if constexpr (!is_zero(kNearlyConstant, t + 9)) word = add(word, w[(t + 9) % 16]);
  if constexpr (!is_zero(kNearlyConstant, t + 1)) word = add_small0(word, w[(t + 1) % 16]);
  if constexpr (!is_zero(kNearlyConstant, t + 14)) word = add_small1(word, w[(t + 14) % 16]);
}

/// A round. The words a to h of the state take turns in the places of `v`.
template <std::size_t t>
ASSAY_AVX512 void round(Vector (&v)[8], Vector word_and_constant) {
  const Vector a = v[(16 - t) % 8], b = v[(17 - t) % 8], c = v[(18 - t) % 8];
  const Vector e = v[(20 - t) % 8], f = v[(21 - t) % 8], g = v[(22 - t) % 8];
  Vector& d = v[(19 - t) % 8];
  Vector& h = v[(23 - t) % 8];
  h = add(h, word_and_constant);
  h = add(h, _mm512_ternarylogic_epi32(e, f, g, 0xca));  // e ? f : g
  h = add(h, exclusive_or(_mm512_ror_epi32(e, 6), _mm512_ror_epi32(e, 11), _mm512_ror_epi32(e, 25)));
  d = add(d, h);
  h = add(h, _mm512_ternarylogic_epi32(a, b, c, 0xe8));  // what two of them have
  h = add(h, exclusive_or(_mm512_ror_epi32(a, 2), _mm512_ror_epi32(a, 13), _mm512_ror_epi32(a, 22)));
}

template <bool kNearlyConstant, bool kLast, std::size_t t, std::size_t kGroups>
ASSAY_AVX512 void step(Vector (&v)[kGroups][8], Vector (&w)[kGroups][16], const std::uint32_t* constants) {
  const Vector constant = _mm512_set1_epi32(static_cast<int>(constants[t]));
#pragma GCC unroll 2
  for (std::size_t g = 0; g < kGroups; ++g) {
    round<t>(v[g], is_zero(kNearlyConstant, t) ? constant : add(w[g][t], constant));
    if constexpr (!kLast) schedule<kNearlyConstant, t>(w[g]);
  }
}

/// Sixteen rounds from a multiple of sixteen on, and, but for the last sixteen, the words of the next ones.
template <bool kNearlyConstant, bool kLast, std::size_t kGroups, std::size_t... t>
ASSAY_AVX512 void rounds(Vector (&v)[kGroups][8], Vector (&w)[kGroups][16], const std::uint32_t* constants,
                         std::index_sequence<t...>) {
  (step<kNearlyConstant, kLast, t>(v, w, constants), ...);
}

/// Absorbs the words w[g][0..15] into those lanes of group g that are active.
template <bool kNearlyConstant, std::size_t kGroups>
ASSAY_AVX512 void absorb(Vector (&state)[kGroups][8], Vector (&w)[kGroups][16],
                         const std::array<__mmask16, kGroups>& active) {
  constexpr auto kSixteen = std::make_index_sequence<16>();
  Vector v[kGroups][8];
#pragma GCC unroll 2
  for (std::size_t g = 0; g < kGroups; ++g) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) v[g][i] = state[g][i];
  }
  // Hides from the compiler that the constants stay the same from block to block. Else it copies each of them
  // to all lanes and to the stack first, which strings of two blocks pay for; loads can do that copying.
  const std::uint32_t* constants = kSha256Rounds;
  __asm__("" : "+r"(constants));
  int sixteens = 3;
  if constexpr (kNearlyConstant) {
    rounds<true, false>(v, w, constants, kSixteen);
    constants += 16;
    --sixteens;
  }
#pragma GCC unroll 1
  for (; sixteens > 0; --sixteens, constants += 16) rounds<false, false>(v, w, constants, kSixteen);
  rounds<false, true>(v, w, constants, kSixteen);
#pragma GCC unroll 2
  for (std::size_t g = 0; g < kGroups; ++g) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i)
      state[g][i] = _mm512_mask_add_epi32(state[g][i], active[g], state[g][i], v[g][i]);
  }
}

ASSAY_AVX512 Vector swap_bytes(Vector words) {
  return _mm512_shuffle_epi8(
      words, _mm512_broadcast_i32x4(_mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL)));
}

/// Of four vectors, within each of their quarters: rows become columns.
ASSAY_AVX512 void transpose_quarters(Vector& a, Vector& b, Vector& c, Vector& d) {
  const Vector ab_low = _mm512_unpacklo_epi32(a, b), ab_high = _mm512_unpackhi_epi32(a, b);
  const Vector cd_low = _mm512_unpacklo_epi32(c, d), cd_high = _mm512_unpackhi_epi32(c, d);
  a = _mm512_unpacklo_epi64(ab_low, cd_low);
  b = _mm512_unpackhi_epi64(ab_low, cd_low);
  c = _mm512_unpacklo_epi64(ab_high, cd_high);
  d = _mm512_unpackhi_epi64(ab_high, cd_high);
}

/// The same of the quarters of four vectors.
ASSAY_AVX512 void transpose_of_quarters(Vector& a, Vector& b, Vector& c, Vector& d) {
  const Vector ab_even = _mm512_shuffle_i32x4(a, b, 0x88), ab_odd = _mm512_shuffle_i32x4(a, b, 0xdd);
  const Vector cd_even = _mm512_shuffle_i32x4(c, d, 0x88), cd_odd = _mm512_shuffle_i32x4(c, d, 0xdd);
  a = _mm512_shuffle_i32x4(ab_even, cd_even, 0x88);
  b = _mm512_shuffle_i32x4(ab_odd, cd_odd, 0x88);
  c = _mm512_shuffle_i32x4(ab_even, cd_even, 0xdd);
  d = _mm512_shuffle_i32x4(ab_odd, cd_odd, 0xdd);
}

/// Rows are strings before and words after, which are read big-endian.
ASSAY_AVX512 void words_of_rows(Vector (&w)[16]) {
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) transpose_quarters(w[i], w[i + 1], w[i + 2], w[i + 3]);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) transpose_of_quarters(w[i], w[i + 4], w[i + 8], w[i + 12]);
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) w[i] = swap_bytes(w[i]);
}

/// The words of the state, big-endian, to the strings' digests.
ASSAY_AVX512 void store_digests(Vector (&state)[8], Digest* const* digests) {
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) state[i] = swap_bytes(state[i]);
  transpose_quarters(state[0], state[1], state[2], state[3]);
  transpose_quarters(state[4], state[5], state[6], state[7]);
  // state[i] has the first half of the digests i, i + 4, i + 8 and i + 12, state[i + 4] the second.
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const Vector low = _mm512_shuffle_i32x4(state[i], state[i + 4], 0x44);
    const Vector high = _mm512_shuffle_i32x4(state[i], state[i + 4], 0xee);
    const Vector first = _mm512_shuffle_i32x4(low, low, 0xd8),
                 second = _mm512_shuffle_i32x4(high, high, 0xd8);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(digests[i]->data()), _mm512_castsi512_si256(first));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(digests[i + 4]->data()),
                        _mm512_extracti64x4_epi64(first, 1));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(digests[i + 8]->data()), _mm512_castsi512_si256(second));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(digests[i + 12]->data()),
                        _mm512_extracti64x4_epi64(second, 1));
  }
}

/// Sixteen strings prefix || message, where they lie.
struct Strings {
  std::size_t prefix;             // bytes
  std::uintptr_t starts[kLanes];  // where the string would begin if its prefix lay before its message
  std::size_t sizes[kLanes];      // of the whole string
  std::size_t shortest, longest;  // among them
};

// Where a block goes beyond the message, its bytes are masked out of the load, which then does not touch
// them. This is the address in lanes that load nothing at all.
alignas(64) constexpr std::uint8_t kNothing[kSha256Block] = {};

/// The first `count` bits; all from 64 on, none below 0.
constexpr std::uint64_t first_bits(std::int64_t count) {
  return count >= 64 ? ~std::uint64_t{0} : count <= 0 ? 0 : (std::uint64_t{1} << count) - 1;
}

/// The block at `begin`, which all strings fill. The prefix is in `front`.
ASSAY_AVX512 void load_full(const Strings& strings, std::size_t begin, Vector front, Vector (&w)[16]) {
  if (begin >= strings.prefix) {
#pragma GCC unroll 16
    for (std::size_t i = 0; i < kLanes; ++i)
      w[i] = _mm512_loadu_si512(reinterpret_cast<const void*>(strings.starts[i] + begin));
  } else {
    const std::uint64_t behind_prefix = ~first_bits(static_cast<std::int64_t>(strings.prefix));
#pragma GCC unroll 16
    for (std::size_t i = 0; i < kLanes; ++i)
      w[i] = _mm512_mask_loadu_epi8(front, behind_prefix, reinterpret_cast<const void*>(strings.starts[i]));
  }
  words_of_rows(w);
}

/// The block at `begin`: what there is of prefix, message and the bit behind it. The prefix is in `front`.
/// Where all strings are as long, their masks are made once.
template <bool kEqual>
ASSAY_AVX512 void load_edge(const Strings& strings, std::size_t begin, Vector front, Vector (&w)[16]) {
  const std::uint64_t behind_prefix =
      begin == 0 ? ~first_bits(static_cast<std::int64_t>(strings.prefix)) : ~std::uint64_t{0};
  const Vector base = begin == 0 ? front : _mm512_setzero_si512();
  const Vector mark = _mm512_set1_epi8(static_cast<char>(0x80));
#pragma GCC unroll 16
  for (std::size_t i = 0; i < kLanes; ++i) {
    // Below 0 when the string has ended.
    const auto left = static_cast<std::int64_t>(strings.sizes[kEqual ? 0 : i] - begin);
    const std::uint64_t bytes = first_bits(left) & behind_prefix;
    const std::uint64_t end = left >= 0 && left < 64 ? std::uint64_t{1} << left : 0;
    const std::uintptr_t from =
        bytes == 0 ? reinterpret_cast<std::uintptr_t>(kNothing) : strings.starts[i] + begin;
    const Vector loaded = _mm512_mask_loadu_epi8(base, bytes, reinterpret_cast<const void*>(from));
    w[i] = _mm512_mask_mov_epi8(loaded, end, mark);
  }
  words_of_rows(w);
}

/// Which strings still have the block, and whose last it is, at the end of which the length stands: its bits,
/// as two words.
struct Ends {
  __mmask16 active, last;
  Vector high, low;
};

ASSAY_AVX512 Ends ends_at(const Strings& strings, std::size_t block) {
  if (strings.shortest == strings.longest) {
    const std::uint64_t bits = std::uint64_t{8} * strings.longest;
    const std::size_t count = sha256_blocks(strings.longest);
    return {static_cast<__mmask16>(block < count ? 0xffff : 0),
            static_cast<__mmask16>(block + 1 == count ? 0xffff : 0),
            _mm512_set1_epi32(static_cast<int>(bits >> 32)), _mm512_set1_epi32(static_cast<int>(bits))};
  }
  unsigned active = 0, last = 0;
  alignas(64) std::uint32_t high[kLanes], low[kLanes];
  for (std::size_t i = 0; i < kLanes; ++i) {
    const std::size_t count = sha256_blocks(strings.sizes[i]);
    active |= block < count ? 1U << i : 0;
    last |= block + 1 == count ? 1U << i : 0;
    const std::uint64_t bits = std::uint64_t{8} * strings.sizes[i];
    high[i] = static_cast<std::uint32_t>(bits >> 32);
    low[i] = static_cast<std::uint32_t>(bits);
  }
  return {static_cast<__mmask16>(active), static_cast<__mmask16>(last), _mm512_load_si512(high),
          _mm512_load_si512(low)};
}

/// The first word of blocks at `begin` > 0 that have at most three bytes of each string.
ASSAY_AVX512 Vector load_first_word(const Strings& strings, std::size_t begin) {
  alignas(64) std::uint32_t words[kLanes];
  if (strings.shortest == strings.longest && strings.longest >= strings.prefix + 4) {
    // The last four bytes of each message; those that stand in the block before are shifted out.
    const std::size_t left = strings.longest - begin;
#pragma GCC unroll 16
    for (std::size_t i = 0; i < kLanes; ++i)
      std::memcpy(&words[i], reinterpret_cast<const void*>(strings.starts[i] + strings.longest - 4), 4);
    const __m128i shift = _mm_cvtsi64_si128(static_cast<std::int64_t>(32 - 8 * left));
    const Vector shifted = _mm512_sll_epi32(swap_bytes(_mm512_load_si512(words)), shift);
    return _mm512_or_si512(shifted, _mm512_set1_epi32(static_cast<int>(0x80000000U >> (8 * left))));
  }
  for (std::size_t i = 0; i < kLanes; ++i) {
    const auto* const from = reinterpret_cast<const std::uint8_t*>(strings.starts[i] + begin);
    const std::size_t left = strings.sizes[i] - begin;
    std::uint32_t word = 0x80000000U >> (8 * left);
    for (std::size_t j = 0; j < left; ++j) word |= std::uint32_t{from[j]} << (24 - 8 * j);
    words[i] = word;
  }
  return _mm512_load_si512(words);
}

ASSAY_AVX512 Strings locate(ByteSpan prefix, const ByteSpan* messages) {
  Strings strings;
  strings.prefix = prefix.size();
  strings.shortest = SIZE_MAX;
  strings.longest = 0;
  for (std::size_t i = 0; i < kLanes; ++i) {
    strings.starts[i] = reinterpret_cast<std::uintptr_t>(messages[i].data()) - prefix.size();
    strings.sizes[i] = prefix.size() + messages[i].size();
    strings.shortest = std::min(strings.shortest, strings.sizes[i]);
    strings.longest = std::max(strings.longest, strings.sizes[i]);
  }
  return strings;
}

/// What stands at the end of a block, put there in the lanes whose last block it is.
ASSAY_AVX512 void write_lengths(const Ends& ends, Vector (&w)[16]) {
  w[14] = _mm512_mask_mov_epi32(w[14], ends.last, ends.high);
  w[15] = _mm512_mask_mov_epi32(w[15], ends.last, ends.low);
}

/// As Sha256Lanes, for sixteen strings in each group.
template <std::size_t kGroups>
ASSAY_AVX512 void hash_groups(ByteSpan prefix, const ByteSpan* messages, Digest* const* digests) {
  Strings strings[kGroups];
  std::size_t shortest = SIZE_MAX, longest = 0;
  Vector state[kGroups][8];
  std::array<__mmask16, kGroups> active;
#pragma GCC unroll 2
  for (std::size_t g = 0; g < kGroups; ++g) {
    strings[g] = locate(prefix, messages + g * kLanes);
    shortest = std::min(shortest, strings[g].shortest);
    longest = std::max(longest, strings[g].longest);
#pragma GCC unroll 8
    for (std::size_t i = 0; i < 8; ++i) state[g][i] = _mm512_set1_epi32(static_cast<int>(kSha256Start[i]));
  }
  const Vector front = _mm512_maskz_loadu_epi8(first_bits(static_cast<std::int64_t>(prefix.size())),
                                               prefix.empty() ? kNothing : prefix.data());
  const std::size_t blocks = sha256_blocks(longest);
  for (std::size_t block = 0; block < blocks; ++block) {
    const std::size_t begin = block * kSha256Block;
    Vector w[kGroups][16];
    active.fill(0xffff);
    if (begin + kSha256Block <= shortest) {
#pragma GCC unroll 2
      for (std::size_t g = 0; g < kGroups; ++g) load_full(strings[g], begin, front, w[g]);
      absorb<false>(state, w, active);
      continue;
    }
    constexpr std::size_t kShort = std::size_t{1} << 29;  // the first length that takes more than 32 bits
    if (begin > 0 && begin <= shortest && longest < std::min(begin + 4, kShort)) {
#pragma GCC unroll 2
      for (std::size_t g = 0; g < kGroups; ++g) {
        w[g][0] = load_first_word(strings[g], begin);
        w[g][15] = ends_at(strings[g], block).low;
      }
      absorb<true>(state, w, active);
      continue;
    }
#pragma GCC unroll 2
    for (std::size_t g = 0; g < kGroups; ++g) {
      const Ends ends = ends_at(strings[g], block);
      if (strings[g].shortest == strings[g].longest) {
        load_edge<true>(strings[g], begin, front, w[g]);
      } else {
        load_edge<false>(strings[g], begin, front, w[g]);
      }
      write_lengths(ends, w[g]);
      active[g] = ends.active;
    }
    absorb<false>(state, w, active);
  }
#pragma GCC unroll 2
  for (std::size_t g = 0; g < kGroups; ++g) store_digests(state[g], digests + g * kLanes);
}

}  // namespace

[[ASSAY_TARGET_AVX512]] void sha256_lanes_avx512(ByteSpan prefix, const ByteSpan* messages,
                                                 Digest* const* digests) {
  hash_groups<1>(prefix, messages, digests);
}

[[ASSAY_TARGET_AVX512]] void sha256_two_groups_avx512(ByteSpan prefix, const ByteSpan* messages,
                                                      Digest* const* digests) {
  hash_groups<2>(prefix, messages, digests);
}

}  // namespace assay::internal
#endif
