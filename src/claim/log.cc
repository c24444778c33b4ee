// The log of a run's blocks.
#include <fmt/format.h>

#include <algorithm>

#include "assay/claim_log.h"
#include "base/check.h"
#include "base/file.h"
#include "base/try.h"
#include "base/wire.h"
#include "base/within.h"

namespace assay::claim {
namespace {

constexpr std::string_view kLogMagic = "ASSAYLOG", kHeadMagic = "ASSAYLHD", kProofMagic = "ASSAYLPR";
constexpr std::uint32_t kLogVersion = 1;
constexpr std::uint32_t kArity = 2;

Digest leaf_of(const Digest& commitment) { return merkle::leaf_hash(commitment); }

/// Why a commitment is no block, or not the one of this place; empty when it is.
std::string fault_of_block(const Header& header, std::uint32_t room, std::uint64_t index) {
  if (header.layout.kind != encode::Layout::Kind::kModel)
    return fmt::format("a commitment of layout {} is not a block of a run",
                       encode::to_string(header.layout.kind));
  const std::uint64_t tokens = header.layout.axes[1];
  if (tokens != room)
    return fmt::format("it has room for {} tokens, the blocks of this log have for {}", tokens, room);
  if (header.first_token % tokens != 0)
    return fmt::format("its first token {} is not a multiple of the {} that a block has room for",
                       header.first_token, tokens);
  if (header.first_token / tokens != index)
    return fmt::format("its first token {} is that of block {}, not of block {}", header.first_token,
                       header.first_token / tokens, index);
  return "";
}

Result<Digest> read_digest(WireReader& reader, std::string_view field) {
  Digest digest;
  std::ranges::copy(ASSAY_TRY(reader.raw(digest.size(), field)), digest.begin());
  return digest;
}

Result<std::uint64_t> read_count(WireReader& reader, std::string_view field, std::uint64_t least) {
  const std::uint64_t count = ASSAY_TRY(reader.u64(field));
  if (count >= least && count <= merkle::kMaxTreeLeaves) return count;
  return reader.error(ErrorCode::kOutOfRange, field,
                      fmt::format("{} is not in {} to {}", count, least, merkle::kMaxTreeLeaves));
}

Result<std::uint32_t> read_tokens(WireReader& reader, std::uint32_t least) {
  const std::uint32_t tokens = ASSAY_TRY(reader.u32("tokens of a block"));
  if (tokens >= least && tokens <= Axes::kMaxSize) return tokens;
  return reader.error(ErrorCode::kOutOfRange, "tokens of a block",
                      fmt::format("{} is not in {} to {}", tokens, least, Axes::kMaxSize));
}

void write_hashes(WireWriter& writer, const std::vector<Digest>& hashes) {
  writer.u8(static_cast<std::uint8_t>(hashes.size()));
  for (const Digest& hash : hashes) writer.raw(hash);
}

Result<std::vector<Digest>> read_hashes(WireReader& reader, std::string_view field) {
  const std::uint8_t count = ASSAY_TRY(reader.u8(field));
  if (count > LogProof::kMaxHashes)
    return reader.error(ErrorCode::kTooLarge, field,
                        fmt::format("{} hashes, {} are possible", count, LogProof::kMaxHashes));
  std::vector<Digest> hashes;
  for (std::size_t i = 0; i < count; ++i) hashes.push_back(ASSAY_TRY(read_digest(reader, field)));
  return hashes;
}

}  // namespace

Bytes LogHead::encode() const {
  WireWriter writer;
  writer.begin(kHeadMagic, kLogVersion).u64(count).u32(tokens).raw(root);
  return writer.take();
}

Result<LogHead> LogHead::decode(ByteSpan bytes, std::string_view place) {
  WireReader reader(bytes, place);
  ASSAY_TRY(reader.begin(kHeadMagic, kLogVersion));
  LogHead head;
  head.count = ASSAY_TRY(read_count(reader, "count of blocks", 1));
  head.tokens = ASSAY_TRY(read_tokens(reader, 1));
  head.root = ASSAY_TRY(read_digest(reader, "root"));
  ASSAY_TRY(reader.finish());
  return head;
}

Result<LogHead> LogHead::read(const std::filesystem::path& path) {
  return decode(ASSAY_TRY(read_file(path, 1024, kHeadMagic, kLogVersion)), path.string());
}

Status LogHead::write(const std::filesystem::path& path) const { return write_file(path, encode()); }

Bytes LogProof::encode() const {
  ASSAY_CHECK(inclusion.hashes.size() <= kMaxHashes && consistency.hashes.size() <= kMaxHashes,
              inclusion.hashes.size(), consistency.hashes.size());
  WireWriter writer;
  writer.begin(kProofMagic, kLogVersion).u64(head.count).u32(head.tokens).raw(head.root).u64(index);
  write_hashes(writer, inclusion.hashes);
  writer.u64(old_count);
  write_hashes(writer, consistency.hashes);
  return writer.take();
}

Result<LogProof> LogProof::decode(ByteSpan bytes, std::string_view place) {
  WireReader reader(bytes, place);
  ASSAY_TRY(reader.begin(kProofMagic, kLogVersion));
  LogProof proof;
  proof.head.count = ASSAY_TRY(read_count(reader, "count of blocks", 1));
  proof.head.tokens = ASSAY_TRY(read_tokens(reader, 1));
  proof.head.root = ASSAY_TRY(read_digest(reader, "root"));
  proof.index = ASSAY_TRY(read_count(reader, "index", 0));
  proof.inclusion.hashes = ASSAY_TRY(read_hashes(reader, "inclusion"));
  proof.old_count = ASSAY_TRY(read_count(reader, "earlier count of blocks", 0));
  proof.consistency.hashes = ASSAY_TRY(read_hashes(reader, "consistency"));
  ASSAY_TRY(reader.finish());
  if (proof.index >= proof.head.count || proof.old_count > proof.head.count)
    return Error{ErrorCode::kOutOfRange, std::string(place),
                 fmt::format("block {} and the earlier {} blocks are not within {}", proof.index,
                             proof.old_count, proof.head.count)};
  if (proof.old_count == 0 && !proof.consistency.hashes.empty())
    return Error{ErrorCode::kNonCanonical, std::string(place), "consistency with a log of no blocks"};
  return proof;
}

Result<LogProof> LogProof::read(const std::filesystem::path& path) {
  return decode(ASSAY_TRY(read_file(path, 128 + 64 * kMaxHashes, kProofMagic, kLogVersion)), path.string());
}

Status LogProof::write(const std::filesystem::path& path) const { return write_file(path, encode()); }

Status Log::append(const Commitment& block) {
  if (size() >= merkle::kMaxTreeLeaves)
    return Error{ErrorCode::kTooLarge, "log", fmt::format("it has {} blocks, as many as it may", size())};
  const bool sized = block.header.layout.kind == encode::Layout::Kind::kModel;
  const std::uint32_t tokens = digests_.empty() && sized ? block.header.layout.axes[1] : tokens_;
  if (const std::string fault = fault_of_block(block.header, tokens, size()); !fault.empty())
    return Error{ErrorCode::kMismatch, fmt::format("block {}", size()), fault};
  tokens_ = tokens;
  digests_.push_back(block.digest());
  return {};
}

namespace {

Result<merkle::Tree> tree_of(std::span<const Digest> digests) {
  if (digests.empty()) return Error{ErrorCode::kOutOfRange, "log", "it has no blocks yet"};
  std::vector<Digest> leaves(digests.size());
  std::ranges::transform(digests, leaves.begin(), leaf_of);
  return merkle::Tree::from_leaf_hashes(kArity, std::move(leaves));
}

}  // namespace

Result<LogHead> Log::head() const {
  const merkle::Tree tree = ASSAY_TRY(tree_of(digests_));
  return LogHead{size(), tokens_, tree.root()};
}

Result<LogProof> Log::prove(std::uint64_t index, std::uint64_t old_count) const {
  const merkle::Tree tree = ASSAY_TRY(tree_of(digests_));
  if (index >= size()) return Error{ErrorCode::kOutOfRange, "block", fmt::format("{} of {}", index, size())};
  if (old_count > size())
    return Error{ErrorCode::kOutOfRange, "head",
                 fmt::format("of {} blocks, the log has {}", old_count, size())};
  LogProof proof{index, {size(), tokens_, tree.root()}, ASSAY_TRY(tree.prove(index)), old_count, {}};
  if (old_count > 0) proof.consistency = ASSAY_TRY(tree.prove_consistency(old_count));
  return proof;
}

Bytes Log::encode() const {
  WireWriter writer;
  writer.begin(kLogMagic, kLogVersion).u64(size()).u32(tokens_);
  for (const Digest& digest : digests_) writer.raw(digest);
  return writer.take();
}

Result<Log> Log::decode(ByteSpan bytes, std::string_view place) {
  WireReader reader(bytes, place);
  ASSAY_TRY(reader.begin(kLogMagic, kLogVersion));
  const std::uint64_t count = ASSAY_TRY(read_count(reader, "count of blocks", 0));
  const std::uint32_t tokens = ASSAY_TRY(read_tokens(reader, count > 0 ? 1 : 0));
  if (count == 0 && tokens != 0)
    return reader.error(ErrorCode::kNonCanonical, "tokens of a block", "there is no block");
  if (count != reader.remaining() / 32)
    return reader.error(ErrorCode::kMalformed, "count of blocks",
                        fmt::format("{} where {} bytes are left", count, reader.remaining()));
  Log log;
  log.tokens_ = tokens;
  log.digests_.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) log.digests_.push_back(ASSAY_TRY(read_digest(reader, "block")));
  ASSAY_TRY(reader.finish());
  return log;
}

Result<Log> Log::read(const std::filesystem::path& path) {
  return decode(ASSAY_TRY(read_file(path, kMaxBytes, kLogMagic, kLogVersion)), path.string());
}

Status Log::write(const std::filesystem::path& path) const { return write_file(path, encode()); }

Verdict verify_log(const Commitment& block, const LogProof& proof, const LogHead* kept) {
  const Digest digest = block.digest();
  const auto judged = [&]() -> Verdict {
    if (const Status valid = block.header.validate(); !valid)
      return Verdict::rejected("header", valid.error().to_string());
    if (const std::string fault = fault_of_block(block.header, proof.head.tokens, proof.index);
        !fault.empty())
      return Verdict::rejected("block", fault);
    auto verdict = merkle::verify_inclusion(proof.head.root, kArity, proof.head.count, proof.index,
                                            leaf_of(digest), proof.inclusion);
    if (!verdict.ok() || kept == nullptr) return verdict;
    if (kept->count > proof.head.count)
      return Verdict::rejected("log head", fmt::format("the log had {} blocks before, now it has {}",
                                                       kept->count, proof.head.count));
    if (kept->tokens != proof.head.tokens)
      return Verdict::rejected("log head", fmt::format("its blocks had room for {} tokens, now for {}",
                                                       kept->tokens, proof.head.tokens));
    if (kept->count != proof.old_count)
      return Verdict::rejected(
          "log head", fmt::format("the proof is to a head of {} blocks, the kept one has {}", proof.old_count,
                                  kept->count));
    return merkle::verify_consistency(kept->root, kept->count, proof.head.root, proof.head.count,
                                      proof.consistency);
  };
  Verdict verdict = judged();
  verdict.add_figure("block", proof.index);
  verdict.add_figure("blocks", proof.head.count);
  verdict.add_figure("first token", block.header.first_token);
  verdict.add_figure("tokens of a block", std::uint64_t{proof.head.tokens});
  verdict.add_figure("commitment digest", to_hex(digest));
  if (verdict.ok()) {
    verdict.add_check("inclusion", Grade::kBound);
    verdict.add_check("consistency", kept != nullptr ? Grade::kBound : Grade::kMissing);
  }
  if (kept == nullptr)
    verdict.add_note("no head was kept before: nothing shows that earlier blocks were not rewritten since");
  verdict.add_note("what the block holds was not looked at");
  return verdict;
}

}  // namespace assay::claim
