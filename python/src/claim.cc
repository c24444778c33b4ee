// Commitments, challenges, proofs and their verification.
#include "assay/claim.h"

#include <algorithm>
#include <filesystem>
#include <string>

#include "assay/claim_schemes.h"
#include "bindings.h"

namespace assay::python {
namespace {

claim::Commitment commit(const claim::Subject& tensor, const claim::Committer& committer) {
  return unwrap(without_gil([&] { return claim::commit(committer, tensor.header, tensor.values.view()); }));
}

/// Points of the grid as numbers, points anywhere as rows of their coordinates, and slices as queries.
using Points = std::vector<std::variant<claim::Query, std::vector<std::uint32_t>, Rows>>;

std::vector<claim::Query> read_points(const claim::Commitment& commitment, const Points& points) {
  std::vector<claim::Query> places;
  const Axes& axes = commitment.header.layout.axes;
  for (const auto& point : points) {
    if (const auto* query = std::get_if<claim::Query>(&point)) {
      places.push_back(*query);
    } else if (const auto* grid = std::get_if<std::vector<std::uint32_t>>(&point)) {
      (void)unwrap(axes.index_of(*grid));
      places.push_back(claim::Query::on_grid(*grid));
    } else {
      std::vector<Fr> coordinates = read_elements(std::get<Rows>(point), "point");
      if (coordinates.size() != axes.count()) {
        throw Failure{{ErrorCode::kMismatch, "point",
                       std::to_string(coordinates.size()) + " coordinates for " +
                           std::to_string(axes.count()) + " axes"}};
      }
      places.push_back(claim::Query::anywhere(std::move(coordinates), axes));
    }
  }
  return places;
}

/// What one commitment's owner keeps.
struct Kept {
  Digest owner;
  pst::KeptQuotients quotients;
};

claim::Proofs prove(const claim::Commitment& commitment, const claim::Subject& tensor,
                    const claim::Committer& committer, const Points& points) {
  const std::vector<claim::Query> queries = read_points(commitment, points);
  return unwrap(
      without_gil([&] { return claim::prove(committer, commitment, tensor.values.view(), queries); }));
}

/// Works on a copy of what is kept, because other Python threads go on; of what two of them add at one time,
/// one part may be lost and is made again.
claim::Proofs prove_kept(const claim::Commitment& commitment, const claim::Subject& tensor,
                         const pst::Srs& srs, const Points& points, Kept& kept) {
  if (kept.owner != commitment.digest())
    throw Failure{{ErrorCode::kMismatch, "kept quotients", "kept for another commitment"}};
  const std::vector<claim::Query> queries = read_points(commitment, points);
  pst::KeptQuotients quotients = kept.quotients;
  claim::CheckedProofs made = unwrap(without_gil(
      [&] { return claim::prove_checked(srs, commitment, tensor.values.view(), queries, &quotients); }));
  if (quotients.size() > kept.quotients.size()) kept.quotients = std::move(quotients);
  return std::move(made.proofs);
}

/// The coordinates as residues, 32 bytes each, and whether the point is on the grid.
std::pair<nb::bytes, bool> coordinates_of(const claim::Query& point) {
  std::string bytes;
  for (const Fr& coordinate : point.coordinates()) {
    const auto encoded = coordinate.to_scalar().to_bytes();
    bytes.append(encoded.begin(), encoded.end());
  }
  return {nb::bytes(bytes.data(), bytes.size()), point.is_on_grid()};
}

/// Width in bytes, and the integers in two's complement, or with width 32 as residues.
std::pair<unsigned, nb::bytes> packed_values(const IntegerView& values) {
  const Bytes packed = claim::pack_values(values);
  return {packed[0], nb::bytes(packed.data() + 1, packed.size() - 1)};
}

claim::Unit read_unit(const std::string& name) {
  const std::optional<claim::Unit> unit = claim::unit_of(name);
  if (!unit) throw Failure{{ErrorCode::kMalformed, "unit", "it is none of entry, token and layer"}};
  return *unit;
}

}  // namespace

void bind_claim(nb::module_& m) {
  nb::class_<claim::Query>(m, "Query")
      .def_static(
          "of_slice",
          [](const claim::Header& header, std::optional<std::string> layer,
             std::optional<std::pair<std::uint64_t, std::uint64_t>> tokens,
             std::optional<std::uint64_t> dim) {
            return unwrap(claim::query_of_slice(header.layout, {std::move(layer), tokens, dim}));
          },
          nb::arg("header"), nb::arg("layer").none(), nb::arg("tokens").none(), nb::arg("dim").none())
      .def_static(
          "of_set",
          [](const claim::Header& header, const std::vector<std::vector<std::uint32_t>>& points) {
            return unwrap(claim::query_of_set(header.layout.axes, points));
          },
          nb::arg("header"), nb::arg("points"))
      .def_prop_ro("is_of_parts", &claim::Query::is_of_parts)
      .def_prop_ro("axes", [](const claim::Query& q) { return to_tuple(q.parts.fixed); })
      .def_prop_ro("positions", [](const claim::Query& q) { return to_tuple(q.parts.positions); })
      .def(
          "shape",
          [](const claim::Query& q, const claim::Header& header, std::uint64_t count) {
            return claim::shape_of_parts(header.layout, q.parts, count);
          },
          nb::arg("header"), nb::arg("count"))
      .def("__str__", &claim::Query::to_string);

  nb::class_<claim::Place>(m, "Place")
      .def_prop_ro("is_padding", [](const claim::Place& p) { return p.is_padding; })
      .def_prop_ro("flat_index", [](const claim::Place& p) { return p.flat_index; })
      .def_prop_ro("layer", [](const claim::Place& p) { return p.layer; })
      .def_prop_ro("tap", [](const claim::Place& p) { return p.tap; })
      .def_prop_ro("position", [](const claim::Place& p) { return p.position; })
      .def_prop_ro("coordinates", [](const claim::Place& p) { return p.layer_coordinates; })
      .def("__str__", [](const claim::Place& p) { return printable(p.to_string()); });
  m.def(
      "place_text",
      [](std::string layer, std::vector<std::uint64_t> coordinates) {
        claim::Place place;
        place.layer = std::move(layer);
        place.layer_coordinates = std::move(coordinates);
        return place.to_string();
      },
      nb::arg("layer"), nb::arg("coordinates"));

  nb::class_<claim::Header>(m, "Header")
      .def("encode", [](const claim::Header& h) { return to_python(h.encode()); })
      .def_prop_ro("layout", [](const claim::Header& h) { return h.layout; })
      .def_prop_ro("encoding", [](const claim::Header& h) { return h.encoding.to_string(); })
      .def_prop_ro("dtype", &dtype_name_of)
      .def_prop_ro("capture_mode", [](const claim::Header& h) { return claim::to_string(h.capture_mode); })
      .def_prop_ro("scheme", [](const claim::Header& h) { return claim::to_string(h.scheme); })
      .def_prop_ro("first_token", [](const claim::Header& h) { return h.first_token; })
      .def_prop_ro("setup_digest",
                   [](const claim::Header& h) {
                     return h.setup_digest ? std::optional<nb::bytes>(to_python(*h.setup_digest))
                                           : std::nullopt;
                   })
      .def(
          "number_of",
          [](const claim::Header& h, const nb::bytes& value) {
            const Scalar integer = unwrap(Scalar::from_bytes(span_of(value), "value"));
            const Result<std::string> number = encode::number_of(h.encoding, h.dtype, integer);
            return number.ok() ? std::optional(*number) : std::nullopt;
          },
          nb::arg("value"))
      .def(
          "place_of",
          [](const claim::Header& h, const std::vector<std::uint32_t>& coordinates) {
            return unwrap(claim::place_of(h.layout, coordinates));
          },
          nb::arg("coordinates"))
      .def(
          "coordinates_of",
          [](const claim::Header& h, std::string_view layer, const std::vector<std::uint64_t>& coordinates) {
            return to_tuple(
                unwrap(claim::place_of_entry(h.layout, layer, std::span(coordinates))).coordinates);
          },
          nb::arg("layer"), nb::arg("coordinates"));

  nb::class_<claim::Commitment> commitment(m, "Commitment");
  bind_file<ByteSpan>(commitment);
  commitment.def_prop_ro("point", [](const claim::Commitment& c) { return to_python(c.value); })
      .def_prop_ro("digest", [](const claim::Commitment& c) { return to_python(c.digest()); })
      .def_prop_ro("header", [](const claim::Commitment& c) { return c.header; });

  nb::class_<claim::Proofs> proofs(m, "Proofs");
  bind_file<ByteSpan>(proofs);
  proofs.def("__len__", [](const claim::Proofs& p) { return p.size(); })
      .def_prop_ro("commitment_digest", [](const claim::Proofs& p) { return to_python(p.commitment_digest); })
      .def(
          "point",
          [](const claim::Proofs& p, std::size_t i) {
            if (i >= p.size()) throw nb::index_error();
            return coordinates_of(p.query(i));
          },
          nb::arg("index"))
      .def(
          "query",
          [](const claim::Proofs& p, std::size_t i) {
            if (i >= p.size()) throw nb::index_error();
            return p.query(i);
          },
          nb::arg("index"))
      .def(
          "values",
          [](const claim::Proofs& p, std::size_t i) {
            if (i >= p.size()) throw nb::index_error();
            return packed_values(p.values(i).view());
          },
          nb::arg("index"))
      .def(
          "write_values",
          [](const claim::Proofs& p, const claim::Commitment& c, const std::string& path) {
            unwrap(without_gil([&] { return claim::write_values(path, c, p); }));
          },
          nb::arg("commitment"), nb::arg("path"))
      .def(
          "value",
          [](const claim::Proofs& p, std::size_t i) {
            if (i >= p.size() || p.is_of_parts(i)) throw nb::index_error();
            return to_python(p.value(i).to_scalar().to_bytes());
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
          [](const claim::Commitment& c, const claim::Subject& tensor, const pst::Srs& srs) {
            return without_gil([&] {
              return Kept{c.digest(), unwrap(claim::keep_first_axis(srs, c, tensor.values.view()))};
            });
          },
          nb::arg("commitment"), nb::arg("tensor"), nb::arg("srs"))
      .def_static(
          "decode",
          [](const nb::bytes& data, const claim::Commitment& c, std::string_view place) {
            const ByteSpan bytes = span_of(data);
            const Digest owner = c.digest();
            const Axes& axes = c.header.layout.axes;
            return without_gil([&] {
              return Kept{owner, unwrap_read(pst::KeptQuotients::decode(bytes, axes, owner, place))};
            });
          },
          nb::arg("data"), nb::arg("commitment"), nb::arg("place"))
      .def_static(
          "read",
          [](const std::string& path, const claim::Commitment& c) {
            const Digest owner = c.digest();
            const Axes& axes = c.header.layout.axes;
            return without_gil([&] {
              return Kept{owner, unwrap_read(pst::KeptQuotients::read(path, axes, owner))};
            });
          },
          nb::arg("path"), nb::arg("commitment"))
      .def("encode", [](const Kept& kept) { return to_python(kept.quotients.encode(kept.owner)); })
      .def(
          "write",
          [](const Kept& kept, const std::string& path) { unwrap(kept.quotients.write(path, kept.owner)); },
          nb::arg("path"))
      .def("__len__", [](const Kept& kept) { return kept.quotients.size(); });

  nb::class_<claim::Challenge> challenge(m, "Challenge");
  bind_file<ByteSpan>(challenge);
  challenge
      .def_static(
          "draw",
          [](const claim::Commitment& c, std::uint64_t count, const std::string& unit) {
            const claim::Unit drawn = read_unit(unit);
            return unwrap(
                without_gil([&] { return claim::Challenge::draw(c, count, World::system(), drawn); }));
          },
          nb::arg("commitment"), nb::arg("count"), nb::arg("unit"))
      .def_static(
          "from_seed",
          [](const claim::Commitment& c, std::uint64_t count, std::uint64_t seed, const std::string& unit) {
            const claim::Unit drawn = read_unit(unit);
            return unwrap(without_gil([&] { return claim::Challenge::from_seed(c, count, seed, drawn); }));
          },
          nb::arg("commitment"), nb::arg("count"), nb::arg("seed"), nb::arg("unit"))
      .def_prop_ro("commitment_digest",
                   [](const claim::Challenge& c) { return to_python(c.commitment_digest); })
      .def_prop_ro("digest", [](const claim::Challenge& c) { return to_python(c.digest()); })
      .def(
          "check", [](const claim::Challenge& c, const claim::Commitment& of) { unwrap(c.check(of)); },
          nb::arg("commitment"))
      .def("__len__", [](const claim::Challenge& c) { return c.queries.size(); })
      .def(
          "point",
          [](const claim::Challenge& c, std::size_t i) {
            if (i >= c.queries.size()) throw nb::index_error();
            return coordinates_of(c.queries[i]);
          },
          nb::arg("index"))
      .def(
          "query",
          [](const claim::Challenge& c, std::size_t i) {
            if (i >= c.queries.size()) throw nb::index_error();
            return c.queries[i];
          },
          nb::arg("index"));

  m.def(
      "checker_of", [](const claim::Header& header) { return unwrap(claim::checker_of(header.scheme)); },
      nb::arg("header"));
  m.def(
      "committer_of",
      [](const std::string& scheme) {
        const std::optional<claim::Scheme> named = claim::scheme_of(scheme);
        if (!named) throw Failure{{ErrorCode::kMalformed, "scheme", "it is none of tensor, kzg and merkle"}};
        return unwrap(claim::committer_of(*named));
      },
      nb::arg("scheme"));
  m.def("commit", &commit, nb::arg("tensor"), nb::arg("committer"));
  m.def("prove", &prove, nb::arg("commitment"), nb::arg("tensor"), nb::arg("committer"), nb::arg("points"));
  m.def("prove_kept", &prove_kept, nb::arg("commitment"), nb::arg("tensor"), nb::arg("srs"),
        nb::arg("points"), nb::arg("kept"));
  m.def(
      "verify",
      [](const claim::Commitment& c, const claim::Proofs& p, const claim::Checker& checker,
         const claim::Challenge* asked, const std::optional<nb::bytes>& challenge_digest,
         std::uint64_t at_least, const std::optional<nb::bytes>& digest,
         const std::vector<std::pair<std::string, std::string>>& expected,
         const std::vector<nb::bytes>& trusted, const std::optional<std::string>& trust_list,
         const claim::Captured* captured) {
        claim::VerifyOptions options;
        if (trust_list) options.trusted = unwrap_read(claim::TrustList::read(*trust_list));
        for (const nb::bytes& one : trusted)
          unwrap(options.trusted.add(to_digest(one, "trusted"), "named by the caller"));
        if (digest) options.expected_digest = to_digest(*digest, "digest");
        for (const auto& [key, value] : expected) unwrap(options.expected.add(key, value, "expect"));
        if (challenge_digest) options.challenge_digest = to_digest(*challenge_digest, "challenge_digest");
        options.challenge = asked;
        options.at_least = at_least;
        options.captured = captured;
        return without_gil([&] { return claim::verify(c, p, checker, options).verdict; });
      },
      nb::arg("commitment"), nb::arg("proofs"), nb::arg("verifier_key"), nb::arg("challenge").none(),
      nb::arg("challenge_digest").none(), nb::arg("at_least"), nb::arg("digest").none(), nb::arg("expected"),
      nb::arg("trusted"), nb::arg("trust_list").none(), nb::arg("captured").none());
  m.def(
      "verify_all",
      [](const std::vector<const claim::Commitment*>& commitments,
         const std::vector<const claim::Proofs*>& opened,
         const std::vector<std::optional<nb::bytes>>& digests, const claim::Checker& checker,
         const std::vector<nb::bytes>& trusted, const std::optional<std::string>& trust_list) {
        claim::TrustList list;
        if (trust_list) list = unwrap_read(claim::TrustList::read(*trust_list));
        for (const nb::bytes& one : trusted)
          unwrap(list.add(to_digest(one, "trusted"), "named by the caller"));
        std::vector<claim::Claim> claims(commitments.size());
        for (std::size_t i = 0; i < claims.size(); ++i) {
          claims[i] = {commitments[i], opened[i], {}};
          claims[i].options.trusted = list;
          if (digests[i]) claims[i].options.expected_digest = to_digest(*digests[i], "digest");
        }
        return without_gil([&] {
          std::vector<Verdict> verdicts;
          for (claim::Verification& one : claim::verify_all(claims, checker))
            verdicts.push_back(std::move(one.verdict));
          return verdicts;
        });
      },
      nb::arg("commitments"), nb::arg("proofs"), nb::arg("digests"), nb::arg("verifier_key"),
      nb::arg("trusted"), nb::arg("trust_list").none());
}

}  // namespace assay::python
