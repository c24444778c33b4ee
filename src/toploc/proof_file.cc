#include <fmt/format.h>

#include <limits>

#include "assay/toploc_files.h"
#include "base/file.h"
#include "base/try.h"
#include "base/within.h"
#include "toploc/parameters_json.h"

namespace assay::toploc {
namespace {

constexpr std::string_view kProofFormat = "assay/toploc/proofs/v";
constexpr std::uint32_t kProofVersion = 1;

Status validate(const ProofFile& file) {
  ASSAY_TRY(file.parameters.validate());
  const std::size_t chunks =
      ASSAY_TRY(chunk_lengths(file.rows, file.hidden, file.parameters.batching)).size();
  if (file.proofs.size() != chunks)
    return Error{ErrorCode::kMismatch, "proofs",
                 fmt::format("{} of them for {} chunks", file.proofs.size(), chunks)};
  const std::size_t expected = proof_size(file.parameters.topk);
  for (std::size_t i = 0; i < chunks; ++i) {
    if (file.proofs[i].size() != expected)
      return Error{ErrorCode::kMismatch, fmt::format("proof {}", i),
                   fmt::format("{} bytes, a proof of {} values has {}", file.proofs[i].size(),
                               file.parameters.topk, expected)};
  }
  return {};
}

void put(const ProofFile& file, internal::FlatJsonWriter& writer) {
  writer.format(kProofFormat, kProofVersion);
  internal::put_parameters(writer, file.parameters);
  writer.integer("rows", file.rows);
  writer.integer("hidden", file.hidden);
  writer.bytes("proofs", file.proofs);
  writer.finish();
}

constexpr auto kLayout = internal::FlatJsonWriter::Layout::kLines;

}  // namespace

Result<ProofFile> ProofFile::build(std::uint64_t rows, std::uint64_t hidden,
                                   std::span<const std::uint16_t> values, const Parameters& parameters) {
  const std::vector<std::uint64_t> lengths = ASSAY_TRY(chunk_lengths(rows, hidden, parameters.batching));
  ProofFile file{parameters, rows, hidden, {}};
  file.proofs.reserve(lengths.size());
  for (const Proof& proof : ASSAY_TRY(toploc::build(values, lengths, parameters.topk, parameters.ties)))
    file.proofs.push_back(proof.encode());
  return file;
}

Result<std::string> ProofFile::encode() const {
  ASSAY_TRY(validate(*this));
  internal::FlatJsonWriter writer(kLayout);
  put(*this, writer);
  return writer.take();
}

Result<ProofFile> ProofFile::decode(std::string_view text, std::string_view place) {
  if (text.size() > kMaxBytes)
    return Error{ErrorCode::kTooLarge, std::string(place),
                 fmt::format("{} bytes, at most {} are read", text.size(), kMaxBytes)};
  constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();
  ProofFile file;
  internal::ParametersReader parameters;
  std::vector<internal::Field> fields = {
      {"rows", internal::IntegerPlace{&file.rows, 0, kAny}},
      {"hidden", internal::IntegerPlace{&file.hidden, 0, kAny}},
      {"proofs", internal::BytesPlace{&file.proofs, kMaxProofs, proof_size(kMaxTopK)}}};
  parameters.add_to(fields);
  ASSAY_TRY(internal::read_flat_json(text, place, kProofFormat, kProofVersion, fields));
  file.parameters = ASSAY_TRY(parameters.take(place));
  const Status valid = validate(file);
  if (!valid.ok()) return within(place, valid.error());
  internal::FlatJsonWriter canonical(kLayout, text);
  put(file, canonical);
  if (!canonical.same())
    return Error{ErrorCode::kNonCanonical, std::string(place),
                 "it is laid out otherwise than this program writes it"};
  return file;
}

Result<ProofFile> ProofFile::read(const std::filesystem::path& path) {
  const Bytes bytes = ASSAY_TRY(read_file(path, kMaxBytes));
  return decode({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

Status ProofFile::write(const std::filesystem::path& path) const {
  return write_file(path, ASSAY_TRY(encode()));
}

}  // namespace assay::toploc
