// SRSs, verifier keys, and polynomials by their coefficients.
#include "assay/pst.h"

#include <filesystem>
#include <string>

#include "bindings.h"

namespace assay::python {
namespace {

/// Secrets from the operating system, forgotten on return.
Result<pst::Srs> random_srs(const Axes& axes) {
  std::vector<Fr> secrets;
  for (std::size_t i = 0; i < axes.count(); ++i) {
    Result<Fr> secret = Fr::random();
    if (!secret.ok()) return secret.error();
    secrets.push_back(*secret);
  }
  return pst::Srs::from_secrets(axes, secrets);
}

std::string join(std::span<const G1Affine> points) {
  std::string bytes;
  for (const G1Affine& point : points) {
    const auto encoded = curve::encode(point);
    bytes.append(encoded.begin(), encoded.end());
  }
  return bytes;
}

/// p(point) and one quotient commitment for each axis, 32 bytes each.
std::pair<nb::bytes, nb::bytes> open_at(const pst::Srs& srs, const Rows& values, const Rows& point) {
  const ByteSpan value_rows = span_of(values);
  const ByteSpan point_rows = span_of(point);
  const pst::Opening opening = unwrap(without_gil([&]() -> Result<pst::Opening> {
    Result<std::vector<Scalar>> scalars = read_rows(value_rows, "values");
    if (!scalars.ok()) return scalars.error();
    Result<std::vector<Scalar>> coordinates = read_rows(point_rows, "point");
    if (!coordinates.ok()) return coordinates.error();
    return pst::open_at(srs, IntegerView(*scalars), to_field(*coordinates));
  }));
  const std::string quotients = join(opening.quotients);
  return {to_python(opening.value.to_scalar().to_bytes()), nb::bytes(quotients.data(), quotients.size())};
}

/// Checks one opening equation, without header or commitment digest.
Verdict check_opening(const claim::TensorChecker& checker, const nb::bytes& commitment, const Rows& point,
                      const nb::bytes& value, const std::vector<nb::bytes>& quotients) {
  pst::Statement statement;
  statement.commitment = unwrap_read(curve::decode_g1(span_of(commitment), "commitment"));
  statement.point = to_field(unwrap(read_rows(span_of(point), "point")));
  statement.opening.value = Fr::from_scalar(unwrap(Scalar::from_bytes(span_of(value), "value")));
  for (std::size_t i = 0; i < quotients.size(); ++i) {
    const std::string place = "proof, point " + std::to_string(i);
    statement.opening.quotients.push_back(unwrap_read(curve::decode_g1(span_of(quotients[i]), place)));
  }
  return without_gil([&] { return checker.verifier().check(statement); });
}

/// What a polynomial is by its coefficients, and back.
template <class F>
NewRows transform(const std::vector<std::uint64_t>& sizes, const Rows& rows, std::string_view place,
                  F&& work) {
  const Axes axes = to_axes(sizes);
  const ByteSpan bytes = span_of(rows);
  return to_rows(unwrap(without_gil([&]() -> Result<std::vector<Fr>> {
    Result<std::vector<Scalar>> scalars = read_rows(bytes, place);
    if (!scalars.ok()) return scalars.error();
    return work(axes, *scalars);
  })));
}

}  // namespace

void bind_pst(nb::module_& m) {
  nb::class_<claim::TensorChecker>(m, "VerifierKey")
      .def_static(
          "decode",
          [](const nb::bytes& bytes, std::string_view place) {
            pst::VerifierKey key = unwrap_read(pst::VerifierKey::decode(span_of(bytes), place));
            return without_gil([&] { return std::make_unique<claim::TensorChecker>(std::move(key)); });
          },
          nb::arg("data"), nb::arg("place"))
      .def_static(
          "read",
          [](const std::string& path) {
            pst::VerifierKey key = unwrap_read(without_gil([&] { return pst::VerifierKey::read(path); }));
            return without_gil([&] { return std::make_unique<claim::TensorChecker>(std::move(key)); });
          },
          nb::arg("path"))
      .def("encode", [](const claim::TensorChecker& v) { return to_python(v.key().encode()); })
      .def_prop_ro("digest", [](const claim::TensorChecker& v) { return to_python(v.key().digest()); })
      .def_prop_ro("axes", [](const claim::TensorChecker& v) { return to_tuple(v.key().axes.sizes()); })
      .def_prop_ro("trust", [](const claim::TensorChecker& v) { return pst::to_string(v.key().trust); })
      .def("check_opening", &check_opening, nb::arg("commitment"), nb::arg("point"), nb::arg("value"),
           nb::arg("quotients"));

  nb::class_<pst::Srs>(m, "Srs")
      .def_static(
          "dev",
          [](const std::vector<std::uint64_t>& sizes, std::uint64_t seed) {
            const Axes axes = to_axes(sizes);
            return unwrap(without_gil([&] { return pst::Srs::dev(axes, seed); }));
          },
          nb::arg("axes"), nb::arg("seed"))
      .def_static(
          "random",
          [](const std::vector<std::uint64_t>& sizes) {
            const Axes axes = to_axes(sizes);
            return unwrap(without_gil([&] { return random_srs(axes); }));
          },
          nb::arg("axes"))
      .def_static(
          "open",
          [](const std::string& path) {
            return unwrap_read(without_gil([&] { return pst::Srs::open(path); }));
          },
          nb::arg("path"))
      .def_static(
          "write_dev",
          [](const std::vector<std::uint64_t>& sizes, std::uint64_t seed, const std::string& path) {
            const Axes axes = to_axes(sizes);
            unwrap(without_gil([&] { return pst::Srs::write_dev(axes, seed, path); }));
          },
          nb::arg("axes"), nb::arg("seed"), nb::arg("path"))
      .def(
          "write",
          [](const pst::Srs& srs, const std::string& path) {
            unwrap(without_gil([&] { return srs.write(path); }));
          },
          nb::arg("path"))
      .def_prop_ro("axes", [](const pst::Srs& srs) { return to_tuple(srs.axes().sizes()); })
      .def("verifier_key",
           [](const pst::Srs& srs) {
             return without_gil([&] { return std::make_unique<claim::TensorChecker>(srs.verifier_key()); });
           })
      .def("verify", [](const pst::Srs& srs) { return without_gil([&] { return pst::verify_srs(srs); }); })
      .def("open_at", &open_at, nb::arg("values"), nb::arg("point"))
      .def(
          "commit_coefficients",
          [](const pst::Srs& srs, const Rows& coefficients) {
            const ByteSpan bytes = span_of(coefficients);
            return to_python(curve::encode(unwrap(without_gil([&]() -> Result<G1Affine> {
              Result<std::vector<Scalar>> scalars = read_rows(bytes, "coefficients");
              if (!scalars.ok()) return scalars.error();
              return pst::commit_coefficients(srs, to_field(*scalars));
            }))));
          },
          nb::arg("coefficients"));

  m.def(
      "interpolate",
      [](const std::vector<std::uint64_t>& axes, const Rows& values) {
        return transform(axes, values, "values", [](const Axes& a, const std::vector<Scalar>& scalars) {
          return pst::interpolate(a, IntegerView(scalars));
        });
      },
      nb::arg("axes"), nb::arg("values"));
  m.def(
      "grid_values",
      [](const std::vector<std::uint64_t>& axes, const Rows& coefficients) {
        return transform(axes, coefficients, "coefficients",
                         [](const Axes& a, const std::vector<Scalar>& scalars) {
                           return pst::grid_values(a, to_field(scalars));
                         });
      },
      nb::arg("axes"), nb::arg("coefficients"));
  m.def(
      "evaluate",
      [](const std::vector<std::uint64_t>& sizes, const Rows& coefficients, const Rows& point) {
        const Axes axes = to_axes(sizes);
        const ByteSpan coefficient_rows = span_of(coefficients);
        const ByteSpan point_rows = span_of(point);
        const Fr value = unwrap(without_gil([&]() -> Result<Fr> {
          Result<std::vector<Scalar>> scalars = read_rows(coefficient_rows, "coefficients");
          if (!scalars.ok()) return scalars.error();
          Result<std::vector<Scalar>> coordinates = read_rows(point_rows, "point");
          if (!coordinates.ok()) return coordinates.error();
          return pst::evaluate(axes, to_field(*scalars), to_field(*coordinates));
        }));
        return to_python(value.to_scalar().to_bytes());
      },
      nb::arg("axes"), nb::arg("coefficients"), nb::arg("point"));
}

}  // namespace assay::python
