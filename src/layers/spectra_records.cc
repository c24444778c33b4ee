#include "layers/spectra_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <set>

#include "assay/matrix.h"
#include "base/sha256.h"
#include "base/try.h"
#include "base/wire.h"

namespace assay::layers::internal {
namespace {

constexpr std::string_view kTag = "assay/spectra/v";
constexpr std::uint32_t kVersion = 1;
constexpr std::string_view kChecksumTag = "assay/spectrum/v1";
constexpr std::size_t kFixedBytes = 32 + 1 + 1 + 8 + 8 + 8 + 1 + 4;  // of a body, before the eigenvalues
constexpr std::size_t kMaxBody = kFixedBytes + 8 * Spectrum::kMaxEigenvalues;
constexpr std::uint64_t kMaxSide = std::uint64_t{1} << 40;

Digest checksum_of(ByteSpan body) { return Sha256().update(kChecksumTag).update(body).digest(); }

std::uint8_t number_of(EigenMethod method) { return static_cast<std::uint8_t>(method); }

Result<EigenMethod> read_method(WireReader& body, std::string_view field) {
  const std::uint8_t number = ASSAY_TRY(body.u8(field));
  if (number > number_of(EigenMethod::kSvd))
    return body.error(ErrorCode::kMalformed, field, fmt::format("{} is not a method", number));
  return static_cast<EigenMethod>(number);
}

Result<SpectrumKey> read_key(WireReader& body) {
  SpectrumKey key;
  std::ranges::copy(ASSAY_TRY(body.raw(key.weight.size(), "weight")), key.weight.begin());
  key.method = ASSAY_TRY(read_method(body, "asked method"));
  const std::uint8_t shuffled = ASSAY_TRY(body.u8("shuffled"));
  const std::uint64_t seed = ASSAY_TRY(body.u64("seed"));
  if (shuffled > 1) return body.error(ErrorCode::kMalformed, "shuffled", "is neither 0 nor 1");
  if (shuffled == 1) key.shuffle_seed = seed;
  if (shuffled == 0 && seed != 0)
    return body.error(ErrorCode::kNonCanonical, "seed", "of a weight that is not shuffled");
  return key;
}

Result<Spectrum> read_spectrum(WireReader& body) {
  Spectrum spectrum;
  spectrum.rows = ASSAY_TRY(body.u64("rows"));
  spectrum.columns = ASSAY_TRY(body.u64("columns"));
  const std::uint64_t side = std::min(spectrum.rows, spectrum.columns);
  if (side == 0 || side > matrix::kMaxSide || std::max(spectrum.rows, spectrum.columns) > kMaxSide)
    return body.error(ErrorCode::kMalformed, "columns", "a matrix of another size");
  spectrum.method = ASSAY_TRY(read_method(body, "method"));
  if (spectrum.method == EigenMethod::kAuto)
    return body.error(ErrorCode::kMalformed, "method", "auto computes nothing");
  const std::uint32_t count =
      ASSAY_TRY(body.count(8, static_cast<std::uint32_t>(Spectrum::kMaxEigenvalues), "count"));
  if (count == 0 || count % side != 0)
    return body.error(ErrorCode::kMalformed, "count", "is not a multiple of the short side");
  spectrum.eigenvalues.resize(count);
  for (double& value : spectrum.eigenvalues) value = std::bit_cast<double>(ASSAY_TRY(body.u64("eigenvalue")));
  const std::vector<double>& values = spectrum.eigenvalues;
  // A zero has one sign; a NaN fails every comparison.
  const bool fine = std::ranges::all_of(
      values, [](double value) { return value >= 0 && std::isfinite(value) && !std::signbit(value); });
  if (!fine || !std::ranges::is_sorted(values) || values.back() == 0)
    return body.error(ErrorCode::kMalformed, "eigenvalue", "not ascending from 0 on to above 0");
  spectrum.zeros = static_cast<std::size_t>(std::ranges::upper_bound(values, 0.0) - values.begin());
  return spectrum;
}

Result<SpectrumRecord> read_body(ByteSpan bytes, std::string_view place) {
  WireReader body(bytes, place);
  SpectrumRecord record;
  record.key = ASSAY_TRY(read_key(body));
  record.spectrum = ASSAY_TRY(read_spectrum(body));
  ASSAY_TRY(body.finish());
  const EigenMethod asked = record.key.method;
  if (asked != EigenMethod::kAuto && asked != record.spectrum.method)
    return body.error(ErrorCode::kNonCanonical, "method", "is not the one that was asked for");
  return record;
}

}  // namespace

Bytes spectra_header() { return WireWriter().begin(kTag, kVersion).take(); }

Bytes encode_record(const SpectrumRecord& record) {
  const Spectrum& spectrum = record.spectrum;
  WireWriter body;
  body.raw(record.key.weight).u8(number_of(record.key.method));
  body.u8(record.key.shuffle_seed ? 1 : 0).u64(record.key.shuffle_seed.value_or(0));
  body.u64(spectrum.rows).u64(spectrum.columns).u8(number_of(spectrum.method));
  body.u32(static_cast<std::uint32_t>(spectrum.eigenvalues.size()));
  for (const double value : spectrum.eigenvalues) body.u64(std::bit_cast<std::uint64_t>(value));
  return seal_body(body.bytes());
}

Bytes seal_body(ByteSpan body) {
  return WireWriter().u32(static_cast<std::uint32_t>(body.size())).raw(body).raw(checksum_of(body)).take();
}

Result<SpectraContent> decode_spectra(ByteSpan bytes, std::string_view place) {
  SpectraContent content;
  const Bytes header = spectra_header();
  // Killed before its first bytes were all there.
  if (bytes.size() < header.size() && std::ranges::equal(bytes, ByteSpan(header).first(bytes.size())))
    return content;
  WireReader reader(bytes, place);
  ASSAY_TRY(reader.begin(kTag, kVersion));
  content.whole_bytes = reader.offset();
  std::set<SpectrumKey> keys;
  while (reader.remaining() >= 4) {
    const std::uint32_t size = ASSAY_TRY(reader.u32("size of a record"));
    if (size < kFixedBytes || size > kMaxBody)
      return reader.error(ErrorCode::kMalformed, "size of a record", fmt::format("{} bytes", size));
    if (reader.remaining() < size + sizeof(Digest)) break;
    const ByteSpan body = ASSAY_TRY(reader.raw(size, "record"));
    const ByteSpan checksum = ASSAY_TRY(reader.raw(sizeof(Digest), "checksum"));
    if (!std::ranges::equal(checksum, checksum_of(body))) {
      if (reader.remaining() == 0) break;
      return reader.error(ErrorCode::kMalformed, "checksum", "is not that of the record: remove the file");
    }
    SpectrumRecord record =
        ASSAY_TRY(read_body(body, fmt::format("{}: record {}", place, content.records.size())));
    if (!keys.insert(record.key).second)
      return reader.error(ErrorCode::kNonCanonical, "record", "is of a weight that another one is of");
    content.records.push_back(std::move(record));
    content.whole_bytes = reader.offset();
  }
  return content;
}

}  // namespace assay::layers::internal
