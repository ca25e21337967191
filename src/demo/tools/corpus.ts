import type { Article } from "./search.ts";

/** What the agents' search finds: short articles, written for it. */
export const corpus: readonly Article[] = [
  {
    title: "Honey bees",
    text: "A honey bee colony holds 20,000 to 60,000 workers in summer and one queen. A worker lives about six weeks in summer and several months in winter. A forager visits 50 to 100 flowers on one flight, and makes about a twelfth of a teaspoon of honey in her life.",
  },
  {
    title: "Bread",
    text: "A plain loaf needs 500 g of flour, 325 g of water, 10 g of salt and 7 g of dry yeast. It rises for an hour, is shaped, rises for another 45 minutes, and bakes at 230 degrees Celsius for 35 minutes. It is done when it sounds hollow from below.",
  },
  {
    title: "Tomatoes",
    text: "Tomatoes need at least six hours of sun a day and even watering: a dry spell followed by much water makes the fruit split. Seedlings are planted out when nights stay above 10 degrees Celsius, deep, since roots grow from the buried stem.",
  },
  {
    title: "Paris",
    text: "Paris is the capital of France. It lies on the river Seine and had about 2.1 million inhabitants in 2020. The Eiffel Tower was built for the world's fair of 1889 and is 330 m high with its antennas.",
  },
  {
    title: "Rhine",
    text: "The Rhine is 1,233 km long. It rises in the Swiss Alps, passes Lake Constance, Basel, Strasbourg and Cologne, and reaches the North Sea near Rotterdam. It is among the busiest waterways of the world.",
  },
  {
    title: "Mount Everest",
    text: "Mount Everest is 8,849 m high, by a survey of 2020. Edmund Hillary and Tenzing Norgay first climbed it on 29 May 1953. At its top there is a third of the oxygen that there is at sea level.",
  },
  {
    title: "The Moon",
    text: "The Moon is 384,400 km away on average and 3,474 km across. It turns around the Earth in 27.3 days. Its gravity is a sixth of the Earth's. Twelve people have walked on it, from 1969 to 1972.",
  },
  {
    title: "Mars",
    text: "Mars has a diameter of 6,779 km and two moons, Phobos and Deimos. A day there lasts 24 hours and 37 minutes, a year 687 days. Olympus Mons is about 22 km high, the highest volcano known.",
  },
  {
    title: "Speed of light",
    text: "Light in a vacuum goes at 299,792,458 m/s, by definition of the metre. It takes 8 minutes and 20 seconds from the Sun to the Earth, and 1.3 seconds from the Moon.",
  },
  {
    title: "Water",
    text: "Water boils at 100 degrees Celsius at sea level, and about one degree lower for each 300 m of height. Ice is lighter than water by 9 percent, so it swims. A litre of water weighs one kilogram.",
  },
  {
    title: "Copper",
    text: "Copper melts at 1,085 degrees Celsius. It conducts electricity better than any metal but silver. With tin it makes bronze, with zinc brass. The green layer on old roofs is its patina.",
  },
  {
    title: "Bicycles",
    text: "A bicycle turns about 95 percent of a rider's work into motion. A person of 75 kg who rides at 20 km/h needs about 100 watts on a flat road. A chain is replaced when it has lengthened by 0.75 percent.",
  },
  {
    title: "Trains",
    text: "A freight train moves a tonne of goods 100 km on about a litre of diesel. The Japanese Shinkansen began in 1964 with 210 km/h. Wheel and rail touch on an area of the size of a coin.",
  },
  {
    title: "Sailing",
    text: "A boat cannot sail straight into the wind: it beats, at 45 degrees to it, on one side and then on the other. A knot is one nautical mile, 1,852 m, an hour.",
  },
  {
    title: "Chess",
    text: "Chess is played on 64 squares with 32 pieces. After each side has moved twice there are 72,084 positions. A pawn that reaches the last row becomes another piece, mostly a queen.",
  },
  {
    title: "Violin",
    text: "A violin has four strings, tuned in fifths: G, D, A and E. Its body is of spruce above and maple below. The bow has 150 to 200 hairs of a horse. Antonio Stradivari made about 1,100 instruments.",
  },
  {
    title: "Printing",
    text: "Johannes Gutenberg printed with movable metal type in Mainz about 1450. His Bible has 42 lines to a page and 1,286 pages. About 180 copies were made, of which 49 exist in whole or in part.",
  },
  {
    title: "Tea",
    text: "Black, green and white tea come from the same plant, Camellia sinensis; what differs is how far the leaves are oxidised. Green tea is brewed at 75 degrees Celsius for two minutes, black tea at 95 for four.",
  },
  {
    title: "Coffee",
    text: "Filter coffee takes 60 g of ground coffee for a litre of water at 92 to 96 degrees Celsius. An espresso is pressed at 9 bar for 25 to 30 seconds. A cup of filter coffee has about 95 mg of caffeine.",
  },
  {
    title: "Bamboo",
    text: "Some bamboos grow 90 cm in a day. Bamboo is a grass; many kinds flower once in 60 to 120 years, all plants of a kind at once, and die afterwards.",
  },
  {
    title: "Cats",
    text: "A cat sleeps 12 to 16 hours a day. Its whiskers are as wide as its body and tell it whether it fits through a gap. A cat that falls turns onto its feet within a metre.",
  },
  {
    title: "Blue whale",
    text: "The blue whale is the largest animal that has ever lived: up to 30 m long and 150 tonnes heavy. Its heart weighs 180 kg and beats 8 to 10 times a minute at the surface. It eats up to 4 tonnes of krill a day.",
  },
  {
    title: "Sleep",
    text: "Adults need 7 to 9 hours of sleep. A cycle of sleep lasts about 90 minutes. Light in the evening, above all blue light, delays the hormone melatonin. A nap of 20 minutes refreshes without drowsiness.",
  },
  {
    title: "Rainbows",
    text: "A rainbow stands opposite to the sun, at 42 degrees from the point opposite to it. Red is outside and violet inside. In the second, fainter bow, at 51 degrees, the order is turned.",
  },
  {
    title: "Solar panels",
    text: "A solar panel of 1.7 square metres gives 400 watts at most. In middle Europe one kilowatt of panels yields about 950 kilowatt-hours in a year. Panels lose about half a percent of their power in a year.",
  },
  {
    title: "Batteries",
    text: "A lithium-ion battery stores 150 to 250 watt-hours per kilogram. It ages least when it is kept between 20 and 80 percent and cool. After 1,000 full cycles about 80 percent of its capacity are left.",
  },
  {
    title: "Concrete",
    text: "Concrete is cement, sand, gravel and water. It reaches its nominal strength after 28 days. Making cement causes about 7 percent of the world's emissions of carbon dioxide. The Pantheon's dome of 43 m has no steel in it.",
  },
  {
    title: "Paper sizes",
    text: "A sheet of A0 has one square metre, with sides as one to the root of two, so that half of a sheet has the same shape. A4 is 210 by 297 mm: 16 sheets of it make an A0. Paper of 80 g per square metre weighs 5 g a sheet.",
  },
  {
    title: "Leap years",
    text: "In the Gregorian calendar a year is a leap year when it can be divided by 4, but not by 100, unless it can be divided by 400. So 2000 was one and 1900 was none. The mean year has 365.2425 days.",
  },
  {
    title: "Marathon",
    text: "A marathon is 42.195 km long, a distance that was run in London in 1908. A runner who needs 4 hours runs a kilometre in 5 minutes and 41 seconds, and burns about 2,800 kilocalories.",
  },
];
