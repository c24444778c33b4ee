// The seed that an answer gives for its own fingerprint.
#include "assay/toploc_fingerprint.h"
#include "base/transcript.h"
#include "base/wire.h"

namespace assay::toploc {
namespace {

/// LE32 each.
Bytes words_of(std::span<const std::uint32_t> values) {
  WireWriter writer;
  for (const std::uint32_t value : values) writer.u32(value);
  return writer.take();
}

}  // namespace

Digest answer_seed(std::span<const std::uint32_t> prompt_token_ids,
                   std::span<const std::uint32_t> output_token_ids, std::span<const Bytes> proofs,
                   std::span<const Digest> committed) {
  Transcript transcript("assay/toploc/answer-seed/v1");
  transcript.absorb("prompt", words_of(prompt_token_ids));
  transcript.absorb("output", words_of(output_token_ids));
  for (const Bytes& proof : proofs) transcript.absorb("proof", proof);
  for (const Digest& digest : committed) transcript.absorb("committed", digest);
  Digest seed{};
  transcript.draw("seed", seed);
  return seed;
}

}  // namespace assay::toploc
