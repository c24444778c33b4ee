#if defined(__x86_64__)
#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "base/sha256_kernels.h"
#include "base/sha256_padded.h"

#define ASSAY_TARGET_SHA gnu::target("sha,sse4.1,ssse3")

namespace assay::internal {
namespace {

/// The state as the words (a, b, e, f) and (c, d, g, h), highest lane first.
struct State {
  __m128i abef;
  __m128i cdgh;
};

[[gnu::always_inline, ASSAY_TARGET_SHA]] inline State load(const std::uint32_t* words) {
  const auto* const lanes = reinterpret_cast<const __m128i*>(words);
  const __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128(lanes), 0xb1);
  const __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128(lanes + 1), 0x1b);
  return {_mm_alignr_epi8(cdab, efgh, 8), _mm_blend_epi16(efgh, cdab, 0xf0)};
}

/// Words a to d and e to h, the first in the lowest lane.
struct Words {
  __m128i low;
  __m128i high;
};

[[gnu::always_inline, ASSAY_TARGET_SHA]] inline Words words_of(const State& state) {
  const __m128i feba = _mm_shuffle_epi32(state.abef, 0x1b);
  const __m128i dchg = _mm_shuffle_epi32(state.cdgh, 0xb1);
  return {_mm_blend_epi16(feba, dchg, 0xf0), _mm_alignr_epi8(dchg, feba, 8)};
}

[[gnu::always_inline, ASSAY_TARGET_SHA]] inline __m128i swap_bytes(__m128i words) {
  return _mm_shuffle_epi8(words, _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL));
}

// The instructions do two rounds each (Intel SHA Extensions, July 2013) and take longer than the next can be
// started after, so a second string costs little. The schedule of the next words runs four words at a time
// beside the rounds.
template <int kStrings>
[[gnu::always_inline, ASSAY_TARGET_SHA]] inline void absorb(State (&states)[kStrings],
                                                            const std::uint8_t* const (&blocks)[kStrings]) {
  State before[kStrings];
  __m128i words[kStrings][4];
#pragma GCC unroll 2
  for (int s = 0; s < kStrings; ++s) {
    before[s] = states[s];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i)
      words[s][i] = swap_bytes(_mm_loadu_si128(reinterpret_cast<const __m128i*>(blocks[s]) + i));
  }
#pragma GCC unroll 16
  for (int group = 0; group < 16; ++group) {
    const __m128i constants = _mm_load_si128(reinterpret_cast<const __m128i*>(kSha256Rounds) + group);
#pragma GCC unroll 2
    for (int s = 0; s < kStrings; ++s) {
      const __m128i current = words[s][group % 4];
      const __m128i sum = _mm_add_epi32(current, constants);
      states[s].cdgh = _mm_sha256rnds2_epu32(states[s].cdgh, states[s].abef, sum);
      states[s].abef = _mm_sha256rnds2_epu32(states[s].abef, states[s].cdgh, _mm_shuffle_epi32(sum, 0x0e));
      // words[group % 4] becomes the four words 16 further on: w[t-16] + s0(w[t-15]) + w[t-7] + s1(w[t-2]).
      const __m128i next = words[s][(group + 1) % 4];
      const __m128i last = words[s][(group + 3) % 4];
      const __m128i seven_back = _mm_alignr_epi8(last, words[s][(group + 2) % 4], 4);
      words[s][group % 4] =
          _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(current, next), seven_back), last);
    }
  }
#pragma GCC unroll 2
  for (int s = 0; s < kStrings; ++s) {
    states[s].abef = _mm_add_epi32(states[s].abef, before[s].abef);
    states[s].cdgh = _mm_add_epi32(states[s].cdgh, before[s].cdgh);
  }
}

}  // namespace

[[ASSAY_TARGET_SHA]] void sha256_compress_sha_ni(std::uint32_t* state, const std::uint8_t* blocks,
                                                 std::size_t count) {
  State states[1] = {load(state)};
  for (; count > 0; --count, blocks += kSha256Block) absorb<1>(states, {blocks});
  const Words words = words_of(states[0]);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(state), words.low);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(state) + 1, words.high);
}

[[ASSAY_TARGET_SHA]] void sha256_lanes_sha_ni(ByteSpan prefix, const ByteSpan* messages,
                                              Digest* const* digests) {
  const Sha256Padded strings[2] = {{prefix, messages[0]}, {prefix, messages[1]}};
  State states[2] = {load(kSha256Start.data()), load(kSha256Start.data())};
  std::uint8_t copies[2][kSha256Block];
  const std::size_t shared = std::min(strings[0].blocks(), strings[1].blocks());
  for (std::size_t i = 0; i < shared; ++i)
    absorb<2>(states, {strings[0].block(i, copies[0]), strings[1].block(i, copies[1])});
  for (std::size_t s = 0; s < 2; ++s) {
    State rest[1] = {states[s]};
    for (std::size_t i = shared; i < strings[s].blocks(); ++i)
      absorb<1>(rest, {strings[s].block(i, copies[s])});
    const Words words = words_of(rest[0]);
    auto* const digest = reinterpret_cast<__m128i*>(digests[s]->data());
    _mm_storeu_si128(digest, swap_bytes(words.low));
    _mm_storeu_si128(digest + 1, swap_bytes(words.high));
  }
}

}  // namespace assay::internal
#endif
