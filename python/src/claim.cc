// Commitments, challenges, proofs and their verification.
#include "assay/claim.h"

#include <algorithm>
#include <filesystem>
#include <string>

#include "bindings.h"

namespace assay::python {
namespace {

claim::Commitment commit(const EncodedTensor& tensor, const pst::Srs& srs) {
  return unwrap(without_gil([&] {
    claim::Header header{tensor.layout, tensor.encoding, tensor.dtype, tensor.capture_mode,
                         srs.verifier_key().digest()};
    return claim::commit(srs, std::move(header), tensor.values.view());
  }));
}

/// Points of the grid as numbers, and points anywhere as rows of their coordinates.
using Points = std::vector<std::variant<std::vector<std::uint32_t>, Rows>>;

std::vector<claim::Point> read_points(const claim::Commitment& commitment, const Points& points) {
  std::vector<claim::Point> places;
  const Axes& axes = commitment.header.layout.axes;
  for (const auto& point : points) {
    if (const auto* grid = std::get_if<std::vector<std::uint32_t>>(&point)) {
      (void)unwrap(axes.index_of(*grid));
      places.push_back(claim::Point::on_grid(*grid));
    } else {
      const std::vector<Scalar> coordinates = unwrap(read_rows(span_of(std::get<Rows>(point)), "point"));
      if (coordinates.size() != axes.count()) {
        throw Failure{{ErrorCode::kMismatch, "point",
                       std::to_string(coordinates.size()) + " coordinates for " +
                           std::to_string(axes.count()) + " axes"}};
      }
      places.push_back(claim::Point::anywhere(to_field(coordinates), axes));
    }
  }
  return places;
}

claim::Proofs prove(const claim::Commitment& commitment, const EncodedTensor& tensor, const pst::Srs& srs,
                    const Points& points) {
  const std::vector<claim::Point> places = read_points(commitment, points);
  return unwrap(without_gil([&] { return claim::prove(srs, commitment, tensor.values.view(), places); }));
}

/// What one commitment's owner keeps.
struct Kept {
  Digest owner;
  pst::KeptQuotients quotients;
};

/// Proves with what is kept, and adds to it once the proofs have verified: what is kept may have been changed
/// in its file, and of another tensor than the committed one nothing is to be kept. Works on a copy, because
/// other Python threads go on; of what two of them add at one time, one part may be lost and is made again.
claim::Proofs prove_kept(const claim::Commitment& commitment, const EncodedTensor& tensor,
                         const pst::Srs& srs, const Points& points, Kept& kept) {
  if (kept.owner != commitment.digest())
    throw Failure{{ErrorCode::kMismatch, "kept quotients", "kept for another commitment"}};
  const std::vector<claim::Point> places = read_points(commitment, points);
  pst::KeptQuotients quotients = kept.quotients;
  claim::Proofs proofs = unwrap(without_gil([&]() -> Result<claim::Proofs> {
    Result<claim::Proofs> made = claim::prove(srs, commitment, tensor.values.view(), places, &quotients);
    if (!made.ok()) return made;
    const Verdict verdict = claim::verify(commitment, *made, pst::Verifier(srs.verifier_key()), {});
    if (verdict.ok()) return made;
    return Error{ErrorCode::kMismatch, "kept quotients",
                 "the proofs do not verify (step " + verdict.step() +
                     "): the tensor is not the one that was committed to, or what is kept was changed: open "
                     "without it"};
  }));
  if (quotients.size() > kept.quotients.size()) kept.quotients = std::move(quotients);
  return proofs;
}

/// Whether integers of one tensor can be held against a commitment to another.
Verdict comparable(const claim::Header& header, const EncodedTensor& captured) {
  const bool same_dtype = !captured.dtype || !header.dtype || *captured.dtype == *header.dtype;
  if (captured.encoding != header.encoding || !same_dtype) {
    return Verdict::rejected("captured tensor", "its encoding or dtype is not that of the commitment");
  }
  if (captured.layout != header.layout) {
    return Verdict::rejected("captured tensor", "its layers or layout are not those of the commitment");
  }
  return Verdict::accepted();
}

Verdict with_notes_of(Verdict verdict, const Verdict& earlier) {
  for (const std::string& note : earlier.notes()) verdict.add_note(note);
  for (const Figure& figure : earlier.figures()) verdict.add_figure(figure);
  return verdict;
}

Verdict verify(const claim::Commitment& commitment, const claim::Proofs& proofs,
               const pst::Verifier& verifier, const claim::VerifyOptions& options,
               const EncodedTensor* captured) {
  Verdict verdict = claim::verify(commitment, proofs, verifier, options);
  if (!verdict.ok() || captured == nullptr) return verdict;
  Verdict same = comparable(commitment.header, *captured);
  if (same.ok()) same = claim::cross_check(commitment, proofs, captured->values.view());
  return with_notes_of(std::move(same), verdict);
}

/// The coordinates as residues, 32 bytes each, and whether the point is on the grid.
std::pair<nb::bytes, bool> coordinates_of(const claim::Point& point) {
  std::string bytes;
  for (const Fr& coordinate : point.coordinates()) {
    const auto encoded = coordinate.to_scalar().to_bytes();
    bytes.append(encoded.begin(), encoded.end());
  }
  return {nb::bytes(bytes.data(), bytes.size()), point.is_on_grid()};
}

template <class T>
void bind_file(nb::class_<T>& bound) {
  bound
      .def_static(
          "decode",
          [](const nb::bytes& data, std::string_view place) {
            const ByteSpan bytes = span_of(data);
            return unwrap_read(without_gil([&] { return T::decode(bytes, place); }));
          },
          nb::arg("data"), nb::arg("place"))
      .def("encode",
           [](const T& value) {
             const Bytes bytes = without_gil([&] { return value.encode(); });
             return to_python(bytes);
           })
      .def_static(
          "read",
          [](const std::string& path) { return unwrap_read(without_gil([&] { return T::read(path); })); },
          nb::arg("path"))
      .def(
          "write",
          [](const T& value, const std::string& path) {
            unwrap(without_gil([&] { return value.write(path); }));
          },
          nb::arg("path"));
}

}  // namespace

void bind_claim(nb::module_& m) {
  nb::class_<claim::Place>(m, "Place")
      .def_prop_ro("is_padding", [](const claim::Place& p) { return p.is_padding; })
      .def_prop_ro("flat_index", [](const claim::Place& p) { return p.flat_index; })
      .def_prop_ro("layer", [](const claim::Place& p) { return p.layer; })
      .def_prop_ro("tap", [](const claim::Place& p) { return p.tap; })
      .def_prop_ro("position", [](const claim::Place& p) { return p.position; })
      .def_prop_ro("coordinates", [](const claim::Place& p) { return p.layer_coordinates; })
      .def("__str__", &claim::Place::to_string);

  nb::class_<claim::Header>(m, "Header")
      .def("encode", [](const claim::Header& h) { return to_python(h.encode()); })
      .def_prop_ro("layout", [](const claim::Header& h) { return h.layout; })
      .def_prop_ro("encoding", [](const claim::Header& h) { return h.encoding.to_string(); })
      .def_prop_ro("dtype",
                   [](const claim::Header& h) {
                     return h.dtype ? std::optional<std::string>(short_name(*h.dtype)) : std::nullopt;
                   })
      .def_prop_ro("capture_mode", [](const claim::Header& h) { return claim::to_string(h.capture_mode); })
      .def_prop_ro("srs_digest", [](const claim::Header& h) { return to_python(h.srs_digest); })
      .def(
          "place_of",
          [](const claim::Header& h, const std::vector<std::uint32_t>& coordinates) {
            return unwrap(claim::place_of(h.layout, coordinates));
          },
          nb::arg("coordinates"))
      .def(
          "coordinates_of",
          [](const claim::Header& h, std::string_view layer, std::uint64_t position) {
            return to_tuple(unwrap(claim::place_of_entry(h.layout, layer, position)).coordinates);
          },
          nb::arg("layer"), nb::arg("position"));

  nb::class_<claim::Commitment> commitment(m, "Commitment");
  bind_file(commitment);
  commitment
      .def_prop_ro("point", [](const claim::Commitment& c) { return to_python(curve::encode(c.point)); })
      .def_prop_ro("digest", [](const claim::Commitment& c) { return to_python(c.digest()); })
      .def_prop_ro("header", [](const claim::Commitment& c) { return c.header; });

  nb::class_<claim::Proofs> proofs(m, "Proofs");
  bind_file(proofs);
  proofs.def("__len__", [](const claim::Proofs& p) { return p.proofs.size(); })
      .def_prop_ro("commitment_digest", [](const claim::Proofs& p) { return to_python(p.commitment_digest); })
      .def(
          "point",
          [](const claim::Proofs& p, std::size_t i) {
            if (i >= p.proofs.size()) throw nb::index_error();
            return coordinates_of(p.proofs[i].point);
          },
          nb::arg("index"))
      .def(
          "value",
          [](const claim::Proofs& p, std::size_t i) {
            if (i >= p.proofs.size()) throw nb::index_error();
            return to_python(p.proofs[i].opening.value.to_scalar().to_bytes());
          },
          nb::arg("index"));

  nb::class_<Kept>(m, "KeptQuotients")
      .def_static(
          "none",
          [](const claim::Commitment& c) {
            return Kept{c.digest(), pst::KeptQuotients(c.header.layout.axes)};
          },
          nb::arg("commitment"))
      .def_static(
          "of_first_axis",
          [](const claim::Commitment& c, const EncodedTensor& tensor, const pst::Srs& srs) {
            return unwrap(without_gil([&]() -> Result<Kept> {
              Result<pst::KeptQuotients> kept = claim::keep_first_axis(srs, c, tensor.values.view());
              if (!kept.ok()) return kept.error();
              return Kept{c.digest(), *std::move(kept)};
            }));
          },
          nb::arg("commitment"), nb::arg("tensor"), nb::arg("srs"))
      .def_static(
          "decode",
          [](const nb::bytes& data, const claim::Commitment& c, std::string_view place) {
            const ByteSpan bytes = span_of(data);
            const Digest owner = c.digest();
            return Kept{owner, unwrap_read(without_gil([&] {
                          return pst::KeptQuotients::decode(bytes, c.header.layout.axes, owner, place);
                        }))};
          },
          nb::arg("data"), nb::arg("commitment"), nb::arg("place"))
      .def_static(
          "read",
          [](const std::string& path, const claim::Commitment& c) {
            const Digest owner = c.digest();
            return Kept{owner, unwrap_read(without_gil([&] {
                          return pst::KeptQuotients::read(path, c.header.layout.axes, owner);
                        }))};
          },
          nb::arg("path"), nb::arg("commitment"))
      .def("encode", [](const Kept& kept) { return to_python(kept.quotients.encode(kept.owner)); })
      .def(
          "write",
          [](const Kept& kept, const std::string& path) { unwrap(kept.quotients.write(path, kept.owner)); },
          nb::arg("path"))
      .def("__len__", [](const Kept& kept) { return kept.quotients.size(); });

  nb::class_<claim::Challenge> challenge(m, "Challenge");
  bind_file(challenge);
  challenge
      .def_static(
          "draw",
          [](const claim::Commitment& c, std::uint64_t count) {
            return unwrap(without_gil([&] { return claim::Challenge::draw(c, count); }));
          },
          nb::arg("commitment"), nb::arg("count"))
      .def_static(
          "from_seed",
          [](const claim::Commitment& c, std::uint64_t count, std::uint64_t seed) {
            return unwrap(without_gil([&] { return claim::Challenge::from_seed(c, count, seed); }));
          },
          nb::arg("commitment"), nb::arg("count"), nb::arg("seed"))
      .def_prop_ro("commitment_digest",
                   [](const claim::Challenge& c) { return to_python(c.commitment_digest); })
      .def_prop_ro("points", [](const claim::Challenge& c) {
        nb::list points;
        for (const auto& point : c.points) points.append(to_tuple(point));
        return nb::typed<nb::list, IntegerTuple>(points);
      });

  m.def("commit", &commit, nb::arg("tensor"), nb::arg("srs"));
  m.def("prove", &prove, nb::arg("commitment"), nb::arg("tensor"), nb::arg("srs"), nb::arg("points"));
  m.def("prove_kept", &prove_kept, nb::arg("commitment"), nb::arg("tensor"), nb::arg("srs"),
        nb::arg("points"), nb::arg("kept"));
  m.def(
      "verify",
      [](const claim::Commitment& c, const claim::Proofs& p, const pst::Verifier& verifier,
         const claim::Challenge* asked, const std::optional<nb::bytes>& digest,
         const std::vector<nb::bytes>& trusted, const std::optional<std::string>& trust_list,
         const EncodedTensor* captured) {
        claim::VerifyOptions options;
        if (trust_list) options.trusted = unwrap_read(claim::TrustList::read(*trust_list));
        for (const nb::bytes& one : trusted) options.trusted.add(to_digest(one, "trusted"));
        if (digest) options.expected_digest = to_digest(*digest, "digest");
        options.challenge = asked;
        return without_gil([&] { return verify(c, p, verifier, options, captured); });
      },
      nb::arg("commitment"), nb::arg("proofs"), nb::arg("verifier_key"), nb::arg("challenge").none(),
      nb::arg("digest").none(), nb::arg("trusted"), nb::arg("trust_list").none(), nb::arg("captured").none());
}

}  // namespace assay::python
