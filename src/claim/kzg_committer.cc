// The scheme `kzg`, the prover's side.
#include <fmt/format.h>

#include "assay/claim_schemes.h"
#include "base/try.h"
#include "claim/vector_places.h"

namespace assay::claim {
namespace {

void append(Bytes& evidence, const G1Affine& point) {
  const auto encoded = curve::encode(point);
  evidence.insert(evidence.end(), encoded.begin(), encoded.end());
}

/// One commitment with its values, and what its openings take of them.
class Opener {
 public:
  Opener(const kzg::Srs& srs, const Commitment& commitment, const IntegerView& values)
      : srs_(srs),
        commitment_(commitment),
        places_(commitment.header.layout),
        filled_(places_.fill(values)) {}

  Result<Bytes> open(const Query& query) const {
    if (query.is_on_grid()) return open_entry(query);
    if (const auto blocks = places_.blocks_of(query.parts)) return open_blocks(*blocks);
    return open_together(query.parts);
  }

 private:
  Result<Bytes> open_entry(const Query& query) const {
    const std::uint64_t index = ASSAY_TRY(commitment_.header.layout.axes.index_of(query.grid));
    Bytes evidence;
    append(evidence, ASSAY_TRY(kzg::open(srs_, filled_.view(), places_.of(index))).quotient);
    return evidence;
  }

  /// Those of one size together, which costs little more than one of them.
  Result<Bytes> open_blocks(std::span<const internal::VectorBlock> blocks) const {
    std::vector<G1Affine> quotients(blocks.size(), G1Affine::infinity());
    for (unsigned log_size = 0; log_size <= srs_.log_size(); ++log_size) {
      std::vector<std::uint64_t> numbers;
      std::vector<std::size_t> where;
      for (std::size_t b = 0; b < blocks.size(); ++b) {
        if (blocks[b].log_size != log_size) continue;
        numbers.push_back(blocks[b].number);
        where.push_back(b);
      }
      if (numbers.empty()) continue;
      const std::vector<G1Affine> opened =
          ASSAY_TRY(kzg::open_blocks(srs_, filled_.view(), log_size, numbers));
      for (std::size_t i = 0; i < where.size(); ++i) quotients[where[i]] = opened[i];
    }
    Bytes evidence;
    for (const G1Affine& quotient : quotients) append(evidence, quotient);
    return evidence;
  }

  Result<Bytes> open_together(const Selection& parts) const {
    const kzg::Vector vector{commitment_.digest(),
                             ASSAY_TRY(curve::decode_g1(commitment_.value, "commitment value")),
                             filled_.view()};
    std::vector<kzg::Question> questions;
    for (const std::uint64_t place : places_.places_of(parts))
      questions.push_back({0, kzg::node_of(srs_.log_size(), place)});
    const kzg::ManyOpening opened = ASSAY_TRY(kzg::open_many(srs_, {&vector, 1}, questions));
    const auto encoded = opened.proof.encode();
    return Bytes(encoded.begin(), encoded.end());
  }

  const kzg::Srs& srs_;
  const Commitment& commitment_;
  internal::VectorPlaces places_;
  tensor::IntegerArray filled_;
};

}  // namespace

unsigned KzgCommitter::log_size_of(const encode::Layout& layout) {
  return internal::VectorPlaces(layout).log_size();
}

Status KzgCommitter::check_layout(const encode::Layout& layout) const {
  const unsigned needed = log_size_of(layout);
  if (needed <= srs_.log_size()) return {};
  return Error{ErrorCode::kMismatch, "SRS",
               fmt::format("it is for vectors of 2^{} values, the layout with axes {} needs 2^{}",
                           srs_.log_size(), layout.axes.to_string(), needed)};
}

Result<std::array<std::uint8_t, Commitment::kBytes>> KzgCommitter::bind(const Header& header,
                                                                        const IntegerView& values) const {
  const tensor::IntegerArray filled = internal::VectorPlaces(header.layout).fill(values);
  return curve::encode(ASSAY_TRY(kzg::commit(srs_, filled.view())));
}

Status KzgCommitter::check_query(const encode::Layout& layout, const Query& query) const {
  if (!query.is_on_grid() && !query.is_of_parts())
    return Error{ErrorCode::kUnsupported, "point",
                 "a commitment of the scheme \"kzg\" is to a vector and has no points off the grid: open "
                 "entries, or commit by the scheme \"tensor\""};
  const internal::VectorPlaces places(layout);
  if (query.is_of_parts() && !places.blocks_of(query.parts) && places.places_of(query.parts).empty())
    return Error{ErrorCode::kUnsupported, "slice",
                 "it is padding alone, of which the scheme \"kzg\" shows nothing: ask for a token that is "
                 "there"};
  return {};
}

Result<std::vector<Answer>> KzgCommitter::open(const Commitment& commitment, const IntegerView& values,
                                               std::span<const Query> queries) const {
  const Opener opener(srs_, commitment, values);
  std::vector<Answer> answers;
  for (const Query& query : queries) answers.push_back({Fr::zero(), ASSAY_TRY(opener.open(query)), {}});
  return answers;
}

}  // namespace assay::claim
