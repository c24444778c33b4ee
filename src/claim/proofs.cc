#include <fmt/format.h>

#include <algorithm>

#include "assay/claim.h"
#include "base/check.h"
#include "base/file.h"
#include "base/try.h"
#include "base/wire.h"
#include "claim/query_wire.h"

namespace assay::claim {
namespace {

constexpr std::string_view kMagic = "ASSAYPRF";
constexpr std::uint32_t kVersion = 2;
constexpr std::uint64_t kFieldBytes = 32;

Bytes preamble(const Digest& commitment_digest, std::uint32_t axis_count, std::size_t count) {
  WireWriter writer;
  writer.begin(kMagic, kVersion)
      .raw(commitment_digest)
      .u32(axis_count)
      .u32(static_cast<std::uint32_t>(count));
  return writer.take();
}

/// What stands before the records.
struct Preamble {
  Digest commitment_digest{};
  std::uint32_t axis_count = 0;

  static constexpr std::size_t kBytes = kMagic.size() + 4 + 32 + 4 + 4;  ///< with the count of proofs

  static Result<Preamble> read(WireReader& reader) {
    Preamble out;
    ASSAY_TRY(reader.begin(kMagic, kVersion));
    std::ranges::copy(ASSAY_TRY(reader.raw(32, "commitment digest")), out.commitment_digest.begin());
    out.axis_count = ASSAY_TRY(internal::read_axis_count(reader));
    return out;
  }
};

/// Of a file that begins so: as many proofs as it says, of the longest kind.
Result<std::uint64_t> most_bytes(ByteSpan head, std::string_view place) {
  WireReader reader(head, place);
  const Preamble preamble = ASSAY_TRY(Preamble::read(reader));
  const std::uint64_t count = std::min(ASSAY_TRY(reader.u32("count of proofs")), Proofs::kMaxCount);
  return Preamble::kBytes +
         count * (1 + kFieldBytes * (preamble.axis_count + 1) + 4 + std::uint64_t{Proofs::kMaxEvidence});
}

}  // namespace

Proofs::Proofs(const Digest& digest, std::uint32_t axes, std::span<const Proof> proofs)
    : Proofs(digest, axes) {
  for (const Proof& proof : proofs) add(proof.query, proof.answer);
}

void Proofs::add(const Query& query, const Answer& answer) {
  ASSAY_CHECK_LE(answer.evidence.size(), kMaxEvidence);
  ASSAY_CHECK_EQ(query.is_on_grid() ? query.grid.size() : query.field.size(), axis_count);
  WireWriter writer;
  internal::write_query(writer, query);
  writer.raw(answer.value.to_scalar().to_bytes());
  writer.u32(static_cast<std::uint32_t>(answer.evidence.size())).raw(answer.evidence);
  starts_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  bytes_.insert(bytes_.end(), writer.bytes().begin(), writer.bytes().end());
}

std::size_t Proofs::value_at(std::size_t k) const {
  const std::size_t start = starts_[k];
  return start + 1 + axis_count * (bytes_[start] == 0 ? 4 : kFieldBytes);
}

ByteSpan Proofs::query_bytes(std::size_t k) const {
  return ByteSpan(bytes_).subspan(starts_[k], value_at(k) - starts_[k]);
}

Query Proofs::query(std::size_t k) const {
  WireReader reader(query_bytes(k), "");
  return internal::read_query(reader, axis_count).value();
}

Fr Proofs::value(std::size_t k) const {
  return Fr::from_scalar(Scalar::from_bytes(ByteSpan(bytes_).subspan(value_at(k), kFieldBytes), "").value());
}

ByteSpan Proofs::evidence(std::size_t k) const {
  const std::size_t start = value_at(k) + kFieldBytes + 4;
  const std::size_t end = k + 1 < starts_.size() ? starts_[k + 1] : bytes_.size();
  return ByteSpan(bytes_).subspan(start, end - start);
}

Proof Proofs::operator[](std::size_t k) const {
  const ByteSpan shown = evidence(k);
  return {query(k), {value(k), Bytes(shown.begin(), shown.end())}};
}

std::size_t Proofs::proof_size(std::size_t axis_count) {
  return 1 + 4 * axis_count + kFieldBytes + 4 + 32 * axis_count;
}

Bytes Proofs::encode() const {
  ASSAY_CHECK_LE(size(), kMaxCount);
  Bytes out = preamble(commitment_digest, axis_count, size());
  if (!empty()) out.insert(out.end(), bytes_.begin() + starts_.front(), bytes_.end());
  return out;
}

Result<Proofs> Proofs::take(Bytes bytes, std::string_view place) {
  WireReader reader(bytes, place);
  const Preamble preamble = ASSAY_TRY(Preamble::read(reader));
  Proofs out(preamble.commitment_digest, preamble.axis_count);
  const std::size_t least = 1 + std::size_t{4} * out.axis_count + kFieldBytes + 4;
  const std::uint32_t count = ASSAY_TRY(reader.count(least, kMaxCount, "count of proofs"));
  out.starts_.reserve(count);
  for (std::uint32_t k = 0; k < count; ++k) {
    out.starts_.push_back(static_cast<std::uint32_t>(reader.offset()));
    static_cast<void>(ASSAY_TRY(internal::read_query(reader, out.axis_count)));
    static_cast<void>(ASSAY_TRY(internal::read_field(reader, "value")));
    const std::uint32_t shown = ASSAY_TRY(reader.count(1, kMaxEvidence, "bytes of evidence"));
    static_cast<void>(ASSAY_TRY(reader.raw(shown, "evidence")));
  }
  ASSAY_TRY(reader.finish());
  out.bytes_ = std::move(bytes);
  return out;
}

Result<Proofs> Proofs::decode(ByteSpan bytes, std::string_view place) {
  return take(Bytes(bytes.begin(), bytes.end()), place);
}

Result<Proofs> Proofs::read(const std::filesystem::path& path) {
  const std::string place = path.string();
  return take(
      ASSAY_TRY(read_file(path, Preamble::kBytes, [&](ByteSpan head) { return most_bytes(head, place); })),
      place);
}

Status Proofs::write(const std::filesystem::path& path) const {
  AtomicFile file = ASSAY_TRY(AtomicFile::create(path));
  ASSAY_TRY(file.write(ByteSpan(preamble(commitment_digest, axis_count, size()))));
  if (!empty()) ASSAY_TRY(file.write(ByteSpan(bytes_).subspan(starts_.front())));
  return file.publish();
}

}  // namespace assay::claim
