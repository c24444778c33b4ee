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

constexpr std::string_view kProofsMagic = "ASSAYPRF";
constexpr std::uint32_t kProofsVersion = 2;
constexpr std::uint64_t kFieldBytes = 32;

Bytes preamble(const Digest& commitment_digest, std::uint32_t axis_count, std::size_t count) {
  WireWriter writer;
  writer.begin(kProofsMagic, kProofsVersion)
      .raw(commitment_digest)
      .u32(axis_count)
      .u32(static_cast<std::uint32_t>(count));
  return writer.take();
}

/// What stands before the records.
struct Preamble {
  Digest commitment_digest{};
  std::uint32_t axis_count = 0;

  static constexpr std::size_t kBytes = kProofsMagic.size() + 4 + 32 + 4 + 4;  ///< with the count of proofs

  static Result<Preamble> read(WireReader& reader) {
    Preamble out;
    ASSAY_TRY(reader.begin(kProofsMagic, kProofsVersion));
    std::ranges::copy(ASSAY_TRY(reader.raw(32, "commitment digest")), out.commitment_digest.begin());
    out.axis_count = ASSAY_TRY(internal::read_axis_count(reader));
    return out;
  }
};

/// Of a file that begins so. Slices have any number of values.
Result<std::uint64_t> most_bytes(ByteSpan head, std::string_view place) {
  WireReader reader(head, place);
  static_cast<void>(ASSAY_TRY(Preamble::read(reader)));
  const std::uint32_t count = ASSAY_TRY(reader.u32("count of proofs"));
  return count == 0 ? std::uint64_t{Preamble::kBytes} : Proofs::kMaxBytes;
}

}  // namespace

Proofs::Proofs(const Digest& digest, std::uint32_t axes, std::span<const Proof> proofs)
    : Proofs(digest, axes) {
  for (const Proof& proof : proofs) add(proof.query, proof.answer);
}

void Proofs::add(const Query& query, const Answer& answer) {
  WireWriter writer;
  internal::write_query(writer, query, axis_count);
  if (query.is_of_parts()) {
    const std::uint8_t width = answer.values.at(0);
    writer.u8(width).u64((answer.values.size() - 1) / width).raw(ByteSpan(answer.values).subspan(1));
  } else {
    ASSAY_CHECK_EQ(query.is_on_grid() ? query.grid.size() : query.field.size(), axis_count);
    writer.raw(answer.value.to_scalar().to_bytes());
  }
  writer.u32(static_cast<std::uint32_t>(answer.evidence.size())).raw(answer.evidence);
  ASSAY_CHECK(fits(writer.bytes().size()), bytes_.size(), writer.bytes().size());
  starts_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  bytes_.insert(bytes_.end(), writer.bytes().begin(), writer.bytes().end());
}

Proofs::Record Proofs::record(std::size_t k) const {
  const ByteSpan bytes = ByteSpan(bytes_).subspan(starts_[k]);
  Record found{};
  found.query_end = starts_[k] + internal::query_size(bytes, axis_count);
  found.end = k + 1 < starts_.size() ? starts_[k + 1] : bytes_.size();
  if (internal::part_count(bytes) == 0) {
    found.width = kFieldBytes;
    found.values_at = found.query_end;
    found.values_end = found.values_at + kFieldBytes;
  } else {
    std::uint64_t count = 0;
    found.width = bytes_[found.query_end];
    for (std::size_t i = 8; i-- > 0;) count = count << 8 | bytes_[found.query_end + 1 + i];
    found.values_at = found.query_end + 9;
    found.values_end = found.values_at + count * found.width;
  }
  found.evidence_at = found.values_end + 4;
  return found;
}

bool Proofs::is_of_parts(std::size_t k) const {
  return internal::part_count(ByteSpan(bytes_).subspan(starts_[k])) > 0;
}

ByteSpan Proofs::query_bytes(std::size_t k) const {
  return ByteSpan(bytes_).subspan(starts_[k], record(k).query_end - starts_[k]);
}

Query Proofs::query(std::size_t k) const {
  WireReader reader(query_bytes(k), "");
  return internal::read_query(reader, axis_count).value();
}

Fr Proofs::value(std::size_t k) const {
  ASSAY_CHECK(!is_of_parts(k), k);
  return Fr::from_scalar(
      Scalar::from_bytes(ByteSpan(bytes_).subspan(record(k).values_at, kFieldBytes), "").value());
}

std::uint64_t Proofs::value_count(std::size_t k) const {
  const Record found = record(k);
  return (found.values_end - found.values_at) / found.width;
}

tensor::IntegerArray Proofs::values(std::size_t k) const {
  const Record found = record(k);
  return internal::unpack_values(
      ByteSpan(bytes_).subspan(found.values_at, found.values_end - found.values_at), found.width);
}

ByteSpan Proofs::evidence(std::size_t k) const {
  const Record found = record(k);
  return ByteSpan(bytes_).subspan(found.evidence_at, found.end - found.evidence_at);
}

Proof Proofs::operator[](std::size_t k) const {
  const ByteSpan shown = evidence(k);
  Proof proof{query(k), {Fr::zero(), Bytes(shown.begin(), shown.end()), {}}};
  if (proof.query.is_of_parts())
    proof.answer.values = pack_values(values(k).view());
  else
    proof.answer.value = value(k);
  return proof;
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
  if (bytes.size() > kMaxBytes)
    return Error{ErrorCode::kTooLarge, std::string(place),
                 fmt::format("{} bytes, {} are possible", bytes.size(), kMaxBytes)};
  WireReader reader(bytes, place);
  const Preamble preamble = ASSAY_TRY(Preamble::read(reader));
  Proofs out(preamble.commitment_digest, preamble.axis_count);
  constexpr std::size_t kLeast = 1 + 4 + 8 + 1 + 8 + 4;  // a set of two values
  const std::size_t least = std::min(1 + std::size_t{4} * out.axis_count + kFieldBytes + 4, kLeast);
  const std::uint32_t count = ASSAY_TRY(reader.count(least, kMaxCount, "count of proofs"));
  out.starts_.reserve(count);
  for (std::uint32_t k = 0; k < count; ++k) {
    out.starts_.push_back(static_cast<std::uint32_t>(reader.offset()));
    const ByteSpan record = ByteSpan(bytes).subspan(reader.offset());
    static_cast<void>(ASSAY_TRY(internal::read_query(reader, out.axis_count)));
    if (internal::part_count(record) > 0)
      ASSAY_TRY(internal::read_values(reader));
    else
      static_cast<void>(ASSAY_TRY(internal::read_field(reader, "value")));
    // How much there may be is for the scheme to say.
    const std::uint32_t shown =
        ASSAY_TRY(reader.count(1, static_cast<std::uint32_t>(kMaxBytes), "bytes of evidence"));
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
