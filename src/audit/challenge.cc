#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "assay/audit_challenge.h"
#include "audit/wire_format.h"
#include "base/file.h"
#include "base/random.h"
#include "base/try.h"

namespace assay::audit {
namespace {

constexpr std::string_view kTag = "assay/audit/challenge/v";
constexpr std::uint32_t kVersion = 1;

/// So many different ones of [0, count), ascending (Floyd's algorithm: Bentley and Floyd 1987).
std::vector<std::uint64_t> sample(ChaCha20Stream& random, std::uint64_t count, std::uint64_t wanted) {
  std::set<std::uint64_t> drawn;
  for (std::uint64_t i = count - wanted; i < count; ++i) {
    const std::uint64_t one = random.below(i + 1);
    drawn.insert(drawn.contains(one) ? i : one);
  }
  return {drawn.begin(), drawn.end()};
}

/// The blocks whose attention can be opened: those with a wire of attention's input and output. A head that
/// leaves out blocks of its own accord is for check() to reject.
Result<std::vector<std::uint32_t>> blocks_with_attention(const Head& head, const BlockChoice& choice) {
  std::vector<std::uint32_t> blocks;
  for (const WireEntry& entry : head.wires) {
    if (entry.wire.role != Role::kOInput) continue;
    if (!choice.has(entry.wire.block))
      return Error{
          ErrorCode::kMismatch, "head",
          fmt::format("it has rows of block {}, which is none of those to be recorded", entry.wire.block)};
    blocks.push_back(entry.wire.block);
  }
  return blocks;
}

}  // namespace

Result<Challenge> Challenge::draw(const Head& head, const Budget& budget, const World& world) {
  if (head.steps == 0) return Error{ErrorCode::kOutOfRange, "head", "it has no steps"};
  if (budget.tokens == 0) return Error{ErrorCode::kOutOfRange, "tokens", "at least one is opened"};
  Digest seed;
  ASSAY_TRY(world.fill_random(seed));
  ChaCha20Stream random(seed);
  Challenge challenge;
  challenge.head = head.digest();
  challenge.steps = sample(random, head.steps, std::min(budget.tokens, head.steps));
  const std::vector<std::uint32_t> blocks = ASSAY_TRY(blocks_with_attention(head, budget.blocks));
  const std::uint64_t wanted = std::min<std::uint64_t>(budget.attention_blocks, blocks.size());
  if (challenge.steps.size() > kMaxDrawn || challenge.steps.size() * wanted > kMaxDrawn)
    return Error{ErrorCode::kTooLarge, "tokens", fmt::format("more than {} draws", kMaxDrawn)};
  for (const std::uint64_t step : challenge.steps)
    for (const std::uint64_t i : sample(random, blocks.size(), wanted))
      challenge.attention.push_back({step, blocks[i]});
  return challenge;
}

Bytes Challenge::encode() const {
  WireWriter writer;
  writer.begin(kTag, kVersion).raw(head).u32(static_cast<std::uint32_t>(steps.size()));
  for (const std::uint64_t step : steps) writer.u64(step);
  writer.u32(static_cast<std::uint32_t>(attention.size()));
  for (const Attention& one : attention) writer.u64(one.step).u32(one.block);
  return writer.take();
}

Result<Challenge> Challenge::decode(ByteSpan bytes, std::string_view place) {
  WireReader reader(bytes, place);
  ASSAY_TRY(reader.begin(kTag, kVersion));
  Challenge challenge;
  challenge.head = ASSAY_TRY(internal::read_digest(reader, "head"));
  const std::uint32_t steps = ASSAY_TRY(reader.count(8, kMaxDrawn, "steps"));
  if (steps == 0) return reader.error(ErrorCode::kOutOfRange, "steps", "there is none");
  challenge.steps.reserve(steps);
  for (std::uint32_t i = 0; i < steps; ++i) {
    const std::uint64_t step = ASSAY_TRY(reader.u64("step"));
    if (step >= kMaxSteps) return reader.error(ErrorCode::kOutOfRange, "step", "beyond the longest run");
    if (i > 0 && step <= challenge.steps.back())
      return reader.error(ErrorCode::kNonCanonical, "step", "they do not ascend");
    challenge.steps.push_back(step);
  }
  const std::uint32_t count = ASSAY_TRY(reader.count(12, kMaxDrawn, "attention"));
  challenge.attention.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t step = ASSAY_TRY(reader.u64("step"));
    const Attention one{step, ASSAY_TRY(reader.u32("block"))};
    if (!std::ranges::binary_search(challenge.steps, step))
      return reader.error(ErrorCode::kOutOfRange, "attention", "of a step that is not asked for");
    if (i > 0 && one <= challenge.attention.back())
      return reader.error(ErrorCode::kNonCanonical, "attention", "they do not ascend");
    challenge.attention.push_back(one);
  }
  ASSAY_TRY(reader.finish());
  return challenge;
}

Result<Challenge> Challenge::read(const std::filesystem::path& path) {
  return decode(ASSAY_TRY(read_file(path, kMaxBytes, kTag, kVersion)), path.string());
}

Status Challenge::write(const std::filesystem::path& path) const { return write_file(path, encode()); }

Digest Challenge::digest() const { return sha256(encode()); }

Result<std::uint64_t> tokens_for(double risk, double share) {
  if (!(risk > 0 && risk < 1)) return Error{ErrorCode::kOutOfRange, "risk", "it is not between 0 and 1"};
  if (!(share > 0 && share < 1)) return Error{ErrorCode::kOutOfRange, "share", "it is not between 0 and 1"};
  const double tokens = std::ceil(std::log(risk) / std::log1p(-share));
  if (!(tokens <= static_cast<double>(kMaxSteps)))
    return Error{ErrorCode::kOutOfRange, "risk", fmt::format("it takes more than {} tokens", kMaxSteps)};
  // A quotient that comes out a little too small may be rounded to the token before.
  auto count = static_cast<std::uint64_t>(std::max(tokens, 1.0));
  while (miss_bound(share, count) > risk) ++count;
  return count;
}

double miss_bound(double share, std::uint64_t tokens) {
  return std::exp(static_cast<double>(tokens) * std::log1p(-share));
}

std::vector<Asked> asked_of(const Challenge& challenge, const Head& head, std::uint64_t step) {
  const bool whole = std::ranges::binary_search(challenge.steps, step);
  std::set<std::uint32_t> blocks;
  for (const Challenge::Attention& one : challenge.attention)
    if (one.step >= step) blocks.insert(one.block);
  const bool before = step <= challenge.steps.back();
  std::vector<Asked> asked;
  for (std::uint32_t i = 0; i < head.wires.size(); ++i) {
    const Wire& wire = head.wires[i].wire;
    const bool history = wire.role == Role::kResidual || wire.role == Role::kK || wire.role == Role::kV ||
                         wire.role == Role::kQkv;
    // What every token that came before started with binds the rows to the request.
    const bool embedding = before && wire == Wire{0, Role::kResidual};
    const bool all = embedding || (history && blocks.contains(wire.block));
    if (whole || all) asked.push_back({i, all});
  }
  return asked;
}

}  // namespace assay::audit
