"""The products of the sample shop, grouped by the hidden taste they speak to.

A product takes two lines, its facts and one sentence:

    title | brand | category | price | attributes
        description

`{a/b/c}` in a title makes one product per value; `{}` in the attributes takes the same value, and prices
separated by `/` go with the values in order. No brand here exists. What has a weight, a pack or a volume is
used up and bought again. `read_products()` gives the list.
"""

import re
from itertools import cycle

CATALOGUE = {
    "trail_runner": """
Trail Running Vest {5 L/8 L/12 L} | Fellstrider | Sport & Outdoor | 79.00/94.00/109.00 | size: {}; material: ripstop
    A close-fitting running vest with two soft-flask pockets and room for a shell.
Soft Flask {250 ml/500 ml} | Fellstrider | Sport & Outdoor | 14.90/17.90 | size: {}; material: TPU
    Collapses as you drink so nothing sloshes about on the climb.
Folding Carbon Trail Poles {110 cm/120 cm} | Ridgewend | Sport & Outdoor | 119.00 | size: {}; material: carbon
    Three-part poles that snap together in seconds and weigh less than a banana each.
Trail Gaiters | Ridgewend | Sport & Outdoor | 24.90 | size: one size; color: moss
    Stretch gaiters that keep grit and pine needles out of your shoes.
Running Headlamp 400 Lumen | Lumifold | Electronics | 64.90 | color: black; battery: rechargeable
    A light, bounce-free headlamp that lasts a whole night on the ridge.
GPS Sports Watch {Slate/Coral} | Voltherne | Electronics | 249.00 | color: {}; battery: 14 days
    Tracks distance, climb and heart rate, and finds the way back when fog comes in.
Chest Strap Heart Rate Monitor | Voltherne | Electronics | 59.90 | color: black; size: one size
    Reads every beat on hard intervals where the wrist gives up.
Open-Ear Sport Headphones | Audelle | Electronics | 99.00 | color: graphite; battery: 9 h
    Music on the run while you still hear the bike behind you.
Energy Gel Box of 24 {Salted Caramel/Blackcurrant/Espresso} | Gritgrain | Nutrition | 38.90 | pack: 24; flavor: {}
    Gentle on the stomach, 25 g of carbohydrate each, easy to open with cold hands.
Electrolyte Tablets {Lemon/Orange} 3 x 20 | Gritgrain | Nutrition | 16.90 | pack: 60; flavor: {}
    Drop one into a flask to put back the salt a long climb takes out.
Oat and Date Trail Bars, 16 Pack | Fuelfern | Nutrition | 27.90 | pack: 16; flavor: date
    Soft bars of oats, dates and sea salt for the long Sunday run.
Recovery Shake {Chocolate/Banana} 1 kg | Fuelfern | Nutrition | 34.90 | weight: 1 kg; flavor: {}
    Carbohydrate and protein three to one, for the half hour after you stop your watch.
Merino Running Shirt {Women/Men} | Merinelle | Clothing | 64.90 | size: {}; material: merino wool
    Thin merino that stays warm when wet and does not smell after three days on the trail.
Lightweight Wind Jacket {Lime/Navy} | Rainmarch | Clothing | 89.00 | color: {}; material: recycled nylon
    Ninety grams of wind protection that packs into its own pocket.
Cushioned Trail Socks, 3 Pairs | Kettlesock | Clothing | 27.90 | size: 39-42; material: merino blend
    Padded at heel and toe, with a high cuff against thorns.
Anti-Chafe Balm Stick 60 g | Balmoor | Body Care | 12.90 | weight: 60 g; scent: none
    A dry, clear balm for the places that start to rub after kilometre twenty.
Warming Muscle Balm 100 ml | Balmoor | Body Care | 15.90 | volume: 100 ml; scent: arnica
    Arnica and rosemary for tired calves after a day of descents.
Arabica Drip Bags for the Trail, 10 Pack | Morrowbean | Coffee & Tea | 13.90 | pack: 10; roast: medium
    Real filter coffee anywhere you can boil a cup of water.
The Long Way Up: A Year of Mountain Running | Larkspell Press | Books | 18.90 | format: paperback; language: English
    A postman quits his round and learns to run the ridges above his village.
Strong on the Hills: Training for Trail Runners | Larkspell Press | Books | 24.90 | format: paperback; language: English
    Twelve- and twenty-week plans from a first half marathon to a mountain ultra.
Packable Titanium Camp Mug | Copperlark | Kitchen | 29.90 | size: 400 ml; material: titanium
    A mug, bowl and pot in one for fast nights out.
Foam Recovery Roller | Stillmat | Sport & Outdoor | 29.90 | size: 33 cm; material: EVA foam
    Firm ridges that find the knot your long run left behind.
Hands-Free Dog Running Belt | Barkenfield | Pets | 34.90 | size: one size; color: orange
    A padded belt and bungee lead for running with a dog who pulls uphill.
""",
    "home_barista": """
Ethiopian Yirgacheffe Whole Beans {250 g/500 g/1 kg} | Morrowbean | Coffee & Tea | 9.5/17/32 | weight: {}; roast: light
    Washed highland beans with notes of jasmine, lemon and apricot.
Colombian Huila Whole Beans {500 g/1 kg} | Morrowbean | Coffee & Tea | 15.90/28.90 | weight: {}; roast: medium
    A round, sweet coffee of caramel and red apple for filter and espresso alike.
Night Train Espresso Blend {500 g/1 kg} | Tindlehask | Coffee & Tea | 14.90/26.90 | weight: {}; roast: dark
    Dark chocolate and walnut with the heavy body milk drinks ask for.
Swiss Water Decaf Whole Beans 500 g | Tindlehask | Coffee & Tea | 17.90 | weight: 500 g; roast: medium
    Decaffeinated without solvents, so the second cup after dinner still tastes of coffee.
Guatemalan Single Farm Beans 250 g | Tindlehask | Coffee & Tea | 11.90 | weight: 250 g; roast: light
    Small lots from one family farm, roasted on Tuesdays and sent the same week.
Gooseneck Pour-Over Kettle {Matt Black/Copper} | Copperlark | Kitchen | 69.00/79.00 | color: {}; material: steel
    A slow, steady spout that puts the water exactly where you want it.
Ceramic Coffee Dripper {White/Ink Blue} | Hearthomel | Kitchen | 26.90 | color: {}; material: ceramic
    A cone with spiral ribs for a clean cup, one or two people at a time.
Paper Filters Size 2, Pack of 100 | Hearthomel | Kitchen | 6.90 | pack: 100; material: paper
    Unbleached cone filters that leave no taste of paper behind.
Hand Coffee Grinder with Steel Burrs | Copperlark | Kitchen | 89.00 | color: silver; material: steel
    Forty clicks from Turkish to French press, and quiet enough for early risers.
Stovetop Espresso Maker {3 Cups/6 Cups} | Hearthomel | Kitchen | 32.90/39.90 | size: {}; material: aluminium
    The octagonal pot that gurgles when breakfast is ready.
French Press 1 L | Hearthomel | Kitchen | 36.90 | size: 1 L; material: glass and steel
    Double mesh keeps the grounds at the bottom where they belong.
Milk Frothing Jug {350 ml/600 ml} | Copperlark | Kitchen | 19.90/23.90 | size: {}; material: steel
    A sharp spout for tulips, hearts and whatever you say it is.
Espresso Tamper 58 mm | Copperlark | Kitchen | 34.90 | size: 58 mm; material: walnut and steel
    A heavy, level tamper with a turned walnut handle.
Espresso Machine with Pressure Gauge | Voltherne | Electronics | 449.00 | color: steel; size: 15 bar
    A compact single-boiler machine that heats in three minutes and steams properly.
Electric Burr Grinder | Voltherne | Electronics | 179.00 | color: black; size: 350 g
    Flat burrs and stepless grind settings, with hardly a gram left inside.
Coffee Scale with Timer | Voltherne | Electronics | 44.90 | color: black; battery: rechargeable
    Weighs to a tenth of a gram and times the bloom while you pour.
Automatic Milk Frother | Voltherne | Electronics | 54.90 | color: white; size: 250 ml
    Hot or cold foam at the touch of a button.
Stoneware Cappuccino Cups, Set of 4 | Dwellby | Home | 38.90 | color: speckled grey; material: stoneware
    Thick-walled cups that keep the heat and fit under the spout.
Airtight Bean Canister 500 g | Dwellby | Home | 29.90 | color: black; material: steel
    Pushes the air out so the last cup tastes like the first.
Oat Drink for Baristas, 6 x 1 L | Fuelfern | Nutrition | 14.90 | pack: 6; flavor: oat
    Foams like whole milk and does not split in a bright espresso.
The Patient Cup: Brewing Better Coffee at Home | Quillmoor Books | Books | 27.90 | format: hardback; language: English
    Water, grind and time explained by someone who has ruined a lot of coffee.
Atlas of Coffee Farms | Quillmoor Books | Books | 39.90 | format: hardback; language: English
    Maps and portraits of two hundred farms between the tropics.
Barista Apron in Waxed Canvas | Threadlow | Clothing | 49.90 | color: olive; material: cotton canvas
    A cross-back apron with a towel loop and a pocket for the tasting spoon.
Coffee Tasting Notebook | Paperwren | Office | 12.90 | size: A6; material: recycled paper
    A page per bag: origin, recipe, flavours and whether to buy it again.
Coffee Ground Body Scrub 200 ml | Fennelle | Body Care | 16.90 | volume: 200 ml; scent: coffee
    Spent grounds and sugar that leave the skin smooth and the bathroom smelling like a café.
""",
    "dog_person": """
Grain-Free Dog Food with {Salmon/Duck/Lamb} 12 kg | Barkenfield | Pets | 64.90 | weight: 12 kg; flavor: {}
    Complete dry food with sweet potato for adult dogs who cannot take grain.
Puppy Food with Chicken {3 kg/10 kg} | Barkenfield | Pets | 21.90/54.90 | weight: {}; flavor: chicken
    Small kibble with the calcium growing paws need.
Training Treats with {Beef/Cheese} 500 g | Tuftail | Pets | 11.90 | weight: 500 g; flavor: {}
    Pea-sized and soft, so the lesson goes on while they chew.
Dental Chews for Dogs, 28 Pack | Tuftail | Pets | 18.90 | pack: 28; size: medium
    One a day keeps the breath bearable.
Padded Dog Harness {S/M/L} | Barkenfield | Pets | 36.90/39.90/42.90 | size: {}; color: forest green
    Spreads the pull over the chest and has a handle for stiles and steps.
Rope Dog Lead 180 cm | Tuftail | Pets | 24.90 | size: 180 cm; material: climbing rope
    Soft in the hand, strong enough for a dog who has just seen a squirrel.
Orthopaedic Dog Bed {M/L} | Tuftail | Pets | 79.00/99.00 | size: {}; material: memory foam
    Memory foam for older hips, with a cover that survives the washing machine.
Floating Fetch Toy | Barkenfield | Pets | 13.90 | color: orange; material: rubber
    Easy to throw, easy to see, and it does not sink.
Snuffle Mat | Tuftail | Pets | 27.90 | size: 60 x 45 cm; material: fleece
    Hide the kibble and win twenty minutes of quiet.
Dog Shampoo with Oats 500 ml | Balmoor | Body Care | 12.90 | volume: 500 ml; scent: oat
    Mild enough for itchy skin and strong enough for fox.
Paw Balm 75 ml | Balmoor | Body Care | 9.90 | volume: 75 ml; scent: none
    Beeswax and shea against road salt and hot pavement.
Waxed Dog Walking Jacket {Women/Men} | Rainmarch | Clothing | 139.00 | size: {}; material: waxed cotton
    Deep pockets for leads, balls and bags, and a lining that takes the mud.
Wellington Boots for Long Walks {Women/Men} | Rainmarch | Clothing | 84.90 | size: {}; material: natural rubber
    Neoprene-lined boots that stand by the door all winter.
Dog Hair Vacuum, Cordless | Voltherne | Electronics | 229.00 | color: grey; battery: 50 min
    A brush that does not tangle and a filter that keeps up with two shedding seasons a year.
Dog GPS Tracker for the Collar | Pingadoo | Electronics | 49.90 | color: white; battery: 7 days
    Shows on your phone which field they are in this time.
Pet Camera with Treat Launcher | Pingadoo | Electronics | 129.00 | color: white; size: one size
    Look in at lunchtime and throw a biscuit from the office.
Washable Sofa Throw for Pet Owners | Wickmoor | Home | 44.90 | color: taupe; material: cotton
    Heavy cotton that hair does not weave itself into.
Folding Travel Water Bowl | Ridgewend | Sport & Outdoor | 11.90 | size: 600 ml; material: silicone
    Clips to a rucksack and folds flat when they have finished.
Car Boot Liner for Dogs | Ridgewend | Sport & Outdoor | 46.90 | size: universal; material: coated polyester
    Covers the boot up to the windows and shakes clean.
A Good Dog Takes Two Years | Foxglovery | Books | 16.90 | format: paperback; language: English
    Patient, funny advice on raising a dog you can take anywhere.
Walks with Mabel: Essays on Life with an Old Dog | Foxglovery | Books | 14.90 | format: paperback; language: English
    Twelve months of slow walks with a greying spaniel.
Peanut Butter for Dogs 340 g | Nuttelow | Nutrition | 8.90 | weight: 340 g; flavor: peanut
    Nothing but peanuts, for lick mats and for hiding tablets.
Dog-Safe Lawn Feed 5 kg | Loamwick | Garden | 24.90 | weight: 5 kg; season: spring
    Organic feed you can let the dog back onto the same afternoon.
""",
    "cosy_reader": """
The Lighthouse Keeper's Inventory | Foxglovery | Books | 15.90 | format: paperback; language: English
    A novel about an island, a missing brother and the list he left behind.
Seven Winters in Halden Street | Foxglovery | Books | 22.90 | format: hardback; language: English
    Three families share one staircase through seven winters of a divided city.
Murder at the Tide Mill | Nine Lantern | Books | 11.90 | format: paperback; language: English
    A retired schoolteacher, a drowned miller and a village that does not want to know.
The Clockmaker's Second Daughter | Nine Lantern | Books | 13.90 | format: paperback; language: English
    A historical mystery of forged pendulums and borrowed names.
A Short Walk to the Moon | Nine Lantern | Books | 12.90 | format: paperback; language: English
    Quiet science fiction about the first gardener on a lunar station.
Collected Ghost Stories of the Fens | Quillmoor Books | Books | 19.90 | format: hardback; language: English
    Nineteen tales for evenings when the wind is in the chimney.
Letters from a Northern Kitchen | Quillmoor Books | Books | 17.90 | format: paperback; language: English
    A translator writes home about snow, bread and learning to stay.
Classic Novels Cloth-Bound, Set of {3/6} | Quillmoor Books | Books | 54.90/99.00 | format: hardback; size: set of {}
    Sewn bindings, ribbon markers and the stories you always meant to read.
Earl Grey Loose Leaf Tea {125 g/250 g} | Leafwend | Coffee & Tea | 8.90/15.90 | weight: {}; caffeine: yes
    Black tea with real bergamot oil, for the chapter before bed that becomes three.
Assam Breakfast Tea, 80 Bags | Leafwend | Coffee & Tea | 7.90 | pack: 80; caffeine: yes
    A strong, malty tea that takes milk without complaint.
Rooibos Vanilla Tea 200 g | Leafwend | Coffee & Tea | 9.90 | weight: 200 g; caffeine: no
    Sweet without sugar, and kind to those who read late.
Winter Spice Tea Tin 150 g | Leafwend | Coffee & Tea | 11.90 | weight: 150 g; caffeine: no
    Orange, cinnamon and clove in a tin worth keeping.
Hot Chocolate Flakes 300 g | Tindlehask | Coffee & Tea | 12.90 | weight: 300 g; flavor: dark chocolate
    Shaved dark chocolate that melts into milk in a minute.
Chunky Knit Throw {Oatmeal/Forest/Rust} | Loomarrow | Home | 69.90 | color: {}; material: wool blend
    Heavy enough to keep you on the sofa.
Soy Candle {Cedar and Smoke/Fig Leaf/Old Books} | Wickmoor | Home | 24.90 | scent: {}; size: 220 g
    Forty hours of slow, clean light in a reusable glass.
Reading Pillow with Armrests | Loomarrow | Home | 46.90 | color: grey; material: corduroy
    Turns any bed into an armchair.
Solid Oak Book Stand | Dwellby | Home | 32.90 | size: 30 cm; material: oak
    Holds cookbooks, atlases and the novel you are halfway through.
E-Reader with Warm Light 7 Inch | Voltherne | Electronics | 149.00 | color: black; battery: 6 weeks
    Paper-like pages, a light that turns amber at night and room for a whole library.
Clip-On Reading Light | Lumifold | Electronics | 17.90 | color: white; battery: rechargeable
    Three shades of warm light that do not wake anyone else.
Slow Feeding Cat Bowl | Whiskorn | Pets | 14.90 | color: sage; material: ceramic
    For the cat who eats faster than you read.
Felt Cat Cave | Whiskorn | Pets | 49.90 | color: grey; material: wool felt
    A handmade hideaway for the other reader in the house.
Cat Food with {Tuna/Chicken} 24 x 85 g | Whiskorn | Pets | 21.90 | pack: 24; flavor: {}
    Tender pieces in broth, with nothing a cat would not choose.
Slipper Boots in Boiled Wool {36-38/39-41} | Kettlesock | Clothing | 44.90 | size: {}; material: boiled wool
    Warm feet from October to April.
Oversized Lambswool Cardigan {Cream/Plum} | Merinelle | Clothing | 98.00 | color: {}; material: lambswool
    Deep pockets for a paperback, tissues and a biscuit.
Lavender Bath Salts 600 g | Fennelle | Body Care | 13.90 | weight: 600 g; scent: lavender
    For a long bath with a book you do not mind getting a little damp.
Reading Journal, Linen Cover | Paperwren | Office | 16.90 | size: A5; material: linen
    A page for every book, and a list at the back of the ones you lent out.
""",
    "home_cook": """
Cast Iron Skillet {24 cm/28 cm} | Saltmarrow | Kitchen | 42.90/54.90 | size: {}; material: cast iron
    Seasoned with linseed oil and ready for the first steak.
Enamelled Dutch Oven {4 L/6 L} | Saltmarrow | Kitchen | 129.00/159.00 | size: {}; material: enamelled iron
    For stews that take all Sunday and bread that crackles when it cools.
Chef's Knife 20 cm | Saltmarrow | Kitchen | 89.00 | size: 20 cm; material: carbon steel
    Thin behind the edge, easy to sharpen, balanced at the bolster.
Bread Knife 24 cm | Saltmarrow | Kitchen | 49.90 | size: 24 cm; material: steel
    Gets through crust without crushing the crumb.
End-Grain Chopping Board {Small/Large} | Copperlark | Kitchen | 54.90/84.90 | size: {}; material: acacia
    Closes over knife marks and stays put on the worktop.
Sourdough Proofing Basket, Round | Hearthomel | Kitchen | 19.90 | size: 22 cm; material: rattan
    Leaves the floury rings a good loaf should have.
Granite Pestle and Mortar | Hearthomel | Kitchen | 38.90 | size: 16 cm; material: granite
    Rough inside, heavy outside, and better pesto than any machine.
Hand-Crank Pasta Machine | Hearthomel | Kitchen | 59.90 | color: chrome; material: steel
    Nine thicknesses from lasagne to tagliatelle that you can read through.
Carbon Steel Wok 32 cm | Saltmarrow | Kitchen | 46.90 | size: 32 cm; material: carbon steel
    Light enough to toss, and hot in under a minute.
Digital Meat Thermometer | Voltherne | Electronics | 29.90 | color: red; battery: AAA
    Reads in two seconds, so the roast never waits.
Sous Vide Stick | Voltherne | Electronics | 109.00 | color: black; size: 1100 W
    Holds a pot of water to a tenth of a degree.
Stand Mixer 5 L {Cream/Sage} | Voltherne | Electronics | 299.00 | color: {}; size: 5 L
    A quiet motor that kneads two loaves without walking across the counter.
Extra Virgin Olive Oil {500 ml/1 L} | Oliverne | Nutrition | 13.90/24.90 | volume: {}; flavor: peppery
    Early-harvest oil from one grove, green and peppery.
Smoked Sea Salt 250 g | Oliverne | Nutrition | 7.90 | weight: 250 g; flavor: oak smoke
    Flakes smoked over oak, for eggs, tomatoes and caramel.
Stone-Ground Bread Flour 5 kg | Nuttelow | Nutrition | 11.90 | weight: 5 kg; flavor: wheat
    Strong wheat flour with the taste of the grain still in it.
Spice Box with {12 Tins/20 Tins} | Oliverne | Nutrition | 34.90/49.90 | pack: {}; flavor: mixed
    Whole spices from cumin to grains of paradise, with labels you can read while stirring.
Dried Chilli Collection | Oliverne | Nutrition | 18.90 | pack: 6; flavor: mild to hot
    Six chillies in rising order of regret.
Weeknight Fire: Eighty Dinners from One Pan | Quillmoor Books | Books | 26.90 | format: hardback; language: English
    Dinners for tired people who still want to eat well.
The Flour Diaries: Bread and Patience | Quillmoor Books | Books | 29.90 | format: hardback; language: English
    A sourdough book that starts with your first failure.
Grandmothers of the Coast: Recipes from the Harbour | Foxglovery | Books | 32.90 | format: hardback; language: English
    Forty cooks, forty harbours and what they do with fish.
Linen Kitchen Towels, Set of 4 | Loomarrow | Home | 26.90 | color: striped; material: linen
    Dry quickly, leave no fluff and get better with every wash.
Stoneware Pasta Bowls, Set of {4/6} | Dwellby | Home | 44.90/62.90 | size: set of {}; material: stoneware
    Wide, shallow bowls in a reactive glaze, no two alike.
Denim Kitchen Apron | Threadlow | Clothing | 36.90 | color: indigo; material: denim
    Two pockets, long ties and a place to wipe your hands.
Lemon Hand Soap for Cooks 500 ml | Sudsworthy | Body Care | 10.90 | volume: 500 ml; scent: lemon
    Takes away garlic and onion without drying the skin.
Kitchen Herb Planter with Three Pots | Sproutwick | Garden | 34.90 | color: terracotta; material: terracotta
    Basil, parsley and chives within reach of the stove.
Recipe Binder with Dividers | Paperwren | Office | 22.90 | size: A5; material: cloth
    Somewhere to keep the recipes you tear out and swear by.
""",
    "urban_gardener": """
Tomato Seed Collection, {6/12} Varieties | Sproutwick | Garden | 12.90/21.90 | pack: {}; season: spring
    Old varieties from striped cherry to beefsteak, chosen for pots and balconies.
Windowsill Chilli Growing Kit | Sproutwick | Garden | 19.90 | pack: 1; season: spring
    Seeds, pots and soil tablets for five kinds of chilli.
Wildflower Seed Mix 100 g | Sproutwick | Garden | 9.90 | weight: 100 g; season: spring
    Thirty native flowers that bees find within the week.
Fabric Grow Bags {20 L/40 L}, Set of 3 | Loamwick | Garden | 18.90/26.90 | size: {}; material: felt
    Roots breathe, potatoes thrive and the bag folds away in November.
Peat-Free Potting Soil 40 L | Loamwick | Garden | 14.90 | volume: 40 L; season: all year
    Composted bark and wood fibre with food for the first six weeks.
Liquid Seaweed Feed 1 L | Loamwick | Garden | 11.90 | volume: 1 L; season: summer
    A capful in the watering can for darker leaves and more tomatoes.
Copper Watering Can {1 L/5 L} | Petalforth | Garden | 34.90/64.90 | size: {}; material: copper
    A long spout that reaches the pot at the back.
Bypass Pruning Shears | Petalforth | Garden | 29.90 | size: 21 cm; material: carbon steel
    Clean cuts on green wood and a lock you can work with one thumb.
Hand Trowel and Fork in Ash Wood | Petalforth | Garden | 27.90 | size: 30 cm; material: ash and steel
    Forged tools with handles that fit smaller hands too.
Balcony Worm Composter | Loamwick | Garden | 89.00 | color: green; size: 20 L
    Kitchen scraps in at the top, black gold out at the bottom.
Raised Bed in Larch {80 cm/120 cm} | Petalforth | Garden | 99.00/139.00 | size: {}; material: larch
    Four boards, eight screws and a lettuce by June.
Wild Bird Seed Mix 5 kg | Tuftail | Pets | 15.90 | weight: 5 kg; season: all year
    Sunflower, millet and suet pieces for everyone from robins to woodpeckers.
Window Bird Feeder | Tuftail | Pets | 22.90 | size: 30 cm; material: acrylic
    Sticks to the pane for breakfast with blue tits.
Gardening Gloves in Goatskin {S/M} | Threadlow | Clothing | 21.90 | size: {}; material: goatskin
    Thin enough to sow with and tough enough for roses.
Wide-Brimmed Sun Hat | Threadlow | Clothing | 29.90 | color: straw; material: paper straw
    Shade for the neck, and a cord for windy balconies.
LED Grow Light Bar | Lumifold | Electronics | 44.90 | color: white; size: 60 cm
    Full-spectrum light that brings seedlings through a dark March.
Soil Moisture Sensor, Set of 3 | Pingadoo | Electronics | 39.90 | color: green; battery: 1 year
    Your phone tells you who is thirsty.
Terracotta Pot with Saucer {14 cm/20 cm/28 cm} | Dwellby | Home | 9.90/16.90/27.90 | size: {}; material: terracotta
    Hand-thrown clay that ages to white at the edges.
Macramé Plant Hanger | Loomarrow | Home | 18.90 | size: 90 cm; material: cotton
    Frees a windowsill by using the ceiling.
Fermenting Crock 5 L | Hearthomel | Kitchen | 54.90 | size: 5 L; material: stoneware
    For the cabbages that all came ripe in the same week.
Preserving Jars, Set of 12 | Hearthomel | Kitchen | 28.90 | size: 500 ml; material: glass
    Clip-top jars for summer tomatoes in February.
The Balcony Harvest: Food from Small Spaces | Larkspell Press | Books | 21.90 | format: paperback; language: English
    What to sow each month when all you have is four square metres.
A Year on Plot Nineteen | Foxglovery | Books | 15.90 | format: paperback; language: English
    Slugs, neighbours and small victories on a city allotment.
Gardener's Hand Cream 75 ml | Fennelle | Body Care | 11.90 | volume: 75 ml; scent: calendula
    Calendula and beeswax for hands that forgot their gloves.
Children's Garden Tool Set | Smallotter | Kids | 24.90 | size: 3-6 years; material: wood and steel
    Real tools, only shorter, for the assistant gardener.
Garden Planner and Logbook | Paperwren | Office | 17.90 | size: A5; material: recycled paper
    Sowing calendar, bed plans and a column for what the slugs ate.
""",
    "remote_worker": """
Height-Adjustable Laptop Stand {Silver/Black} | Deskmere | Office | 49.90 | color: {}; material: aluminium
    Brings the screen to your eyes instead of your neck to the screen.
Ergonomic Desk Chair | Deskmere | Office | 289.00 | color: graphite; material: mesh
    Adjustable lumbar support and a seat that is still comfortable at five.
Felt Desk Mat {Grey/Green} | Deskmere | Office | 29.90 | color: {}; material: wool felt
    Warm under the wrists and quiet under the mouse.
Under-Desk Cable Tray | Deskmere | Office | 24.90 | color: black; material: steel
    Hides the power strip and everything that hangs from it.
Dot Grid Notebook A5 {Black/Ochre/Teal} | Paperwren | Office | 14.90 | color: {}; size: A5
    Numbered pages, thick paper and a pocket for receipts.
Fountain Pen, Fine Nib | Inklerow | Office | 34.90 | color: navy; material: resin
    Starts first time, every Monday.
Gel Pens, Set of 10 | Inklerow | Office | 12.90 | color: black; size: 0.5 mm
    Quick-drying ink that left-handed people can use too.
Weekly Desk Planner Pad | Inklerow | Office | 11.90 | size: A4; material: recycled paper
    Fifty-two tear-off weeks with room for what really happened.
Mechanical Keyboard {Compact/Full Size} | Keelby | Electronics | 119.00/139.00 | size: {}; color: grey
    Soft tactile switches your colleagues will not hear on calls.
Vertical Wireless Mouse | Keelby | Electronics | 49.90 | color: black; battery: rechargeable
    Turns the hand to where it would rather be.
Noise-Cancelling Headphones {Sand/Black} | Audelle | Electronics | 219.00 | color: {}; battery: 30 h
    Takes away the neighbour's drill and leaves the meeting.
Webcam 1080p with Privacy Shutter | Keelby | Electronics | 69.90 | color: black; size: 1080p
    Sharp in bad light, and closed when you want it closed.
USB-C Dock with 9 Ports | Keelby | Electronics | 89.00 | color: grey; size: 9 ports
    One cable in the morning, one cable out at night.
Monitor Light Bar | Lumifold | Electronics | 59.90 | color: black; size: 45 cm
    Lights the desk without a glare on the screen.
Desk Lamp with Wireless Charger | Lumifold | Home | 74.90 | color: white; material: aluminium
    Five colours of white and a place to put the phone.
Air-Purifying Desk Plant in a Pot | Petalforth | Home | 22.90 | size: 25 cm; material: ceramic
    A snake plant that forgives a forgotten fortnight.
Seat Cushion in Memory Foam | Loomarrow | Home | 36.90 | color: grey; material: memory foam
    For kitchen chairs that were never meant for eight hours.
Insulated Desk Mug with Lid 350 ml | Copperlark | Kitchen | 27.90 | size: 350 ml; material: steel
    Keeps the coffee hot through a meeting that could have been an email.
Glass Lunch Boxes, Set of 3 | Hearthomel | Kitchen | 29.90 | size: 800 ml; material: glass
    Sunday's leftovers become Tuesday's lunch.
Cold Brew Concentrate 1 L | Morrowbean | Coffee & Tea | 14.90 | volume: 1 L; caffeine: yes
    Steeped for twenty hours; add water, ice or milk and get back to work.
Office Blend Ground Coffee 1 kg | Morrowbean | Coffee & Tea | 21.90 | weight: 1 kg; roast: medium
    A dependable filter coffee for people who drink it by the pot.
Green Tea Focus Blend, 40 Bags | Leafwend | Coffee & Tea | 9.90 | pack: 40; caffeine: yes
    Green tea, ginger and lemon for the hour after lunch.
Protein Bars Box of 12 {Peanut/Cocoa/Raspberry} | Fuelfern | Nutrition | 26.90 | pack: 12; flavor: {}
    Twenty grams of protein that fit in a desk drawer.
Roasted Almonds 1 kg | Nuttelow | Nutrition | 17.90 | weight: 1 kg; flavor: lightly salted
    A handful every time the build is running.
Deep Hours: Working Well from Home | Larkspell Press | Books | 19.90 | format: paperback; language: English
    On doors, breaks and the end of the working day.
Soft Knit Polo for Video Calls {Navy/Stone} | Threadlow | Clothing | 54.90 | color: {}; material: cotton
    Looks like a shirt and feels like a jumper.
""",
    "young_family": """
Wooden Building Blocks, {50/100} Pieces | Tumblenook | Kids | 34.90/54.90 | size: {} pieces; material: beech
    Sanded beech blocks in water-based colours, from first tower to first castle.
Stacking Rings in Maple | Tumblenook | Kids | 22.90 | size: 12+ months; material: maple
    Seven rings, one cone and a surprising amount of concentration.
Baby Activity Gym | Tumblenook | Kids | 74.90 | size: 0-12 months; material: wood and cotton
    A mat, an arch and three things worth kicking.
Balance Bike {Mint/Red} | Tumblenook | Kids | 89.00 | color: {}; size: 2-4 years
    Low frame, puncture-proof tyres and no need for stabilisers later.
Muslin Squares, Pack of 6 | Pipkinette | Kids | 24.90 | color: mixed; material: organic cotton
    There is no such thing as too many.
Baby Sleeping Bag {70 cm/90 cm} | Pipkinette | Kids | 46.90 | size: {}; material: organic cotton
    A warm night without a kicked-off blanket.
Organic Cotton Bodysuits, 5 Pack {62-68/74-80} | Pipkinette | Kids | 32.90 | size: {}; material: organic cotton
    Wide necks and poppers you can do up in the dark.
Silicone Bib with Pocket, Set of 2 | Smallotter | Kids | 16.90 | color: sand and sage; material: silicone
    Catches what the mouth lets go.
Bamboo Plate Set for Toddlers | Smallotter | Kids | 27.90 | color: peach; material: bamboo
    A suction base that buys you two minutes.
Finger Paints, {6/10} Colours | Smallotter | Kids | 14.90/21.90 | pack: {}; material: food-safe
    Washes out of hair, sofas and most dogs.
Nappy Caddy in Felt | Loomarrow | Home | 29.90 | color: grey; material: felt
    Everything for a change, carried in one hand.
Moon Night Light | Lumifold | Home | 32.90 | color: warm white; battery: rechargeable
    A soft glow that dims itself when the story is over.
Blackout Curtains for Nurseries | Loomarrow | Home | 49.90 | color: dusk blue; material: polyester
    Bedtime at seven, even in June.
Video Baby Monitor | Pingadoo | Electronics | 139.00 | color: white; battery: 12 h
    A clear picture in the dark and no app that wants your email.
Bottle Steriliser and Warmer | Voltherne | Electronics | 79.90 | color: white; size: 6 bottles
    Six bottles in eight minutes, or one at three in the morning.
White Noise Machine | Audelle | Electronics | 39.90 | color: white; battery: rechargeable
    Rain, waves or a very patient hairdryer.
Baby Bottles in Glass, Set of 3 | Hearthomel | Kitchen | 26.90 | size: 240 ml; material: glass
    Slow teats and a sleeve for the inevitable drop.
Fruit Puree Pouches, 18 Pack | Nuttelow | Nutrition | 19.90 | pack: 18; flavor: apple and pear
    Fruit, nothing else, for pram, car and train.
Oat Porridge for Babies 500 g | Nuttelow | Nutrition | 7.90 | weight: 500 g; flavor: oat
    Finely milled whole oats for the first spoon.
Baby Wash and Shampoo {250 ml/500 ml} | Sudsworthy | Body Care | 8.90/14.90 | volume: {}; scent: chamomile
    No tears, no perfume and a pump you can reach with one hand.
Nappy Balm 100 ml | Fennelle | Body Care | 9.90 | volume: 100 ml; scent: none
    Zinc and calendula for sore days.
The Bear Who Lost Tuesday | Nine Lantern | Books | 12.90 | format: hardback; language: English
    A picture book about a bear, a calendar and a very good friend.
Good Night, Small Harbour | Nine Lantern | Books | 11.90 | format: board book; language: English
    Boats go to sleep one by one in twelve sturdy pages.
Sleep, Eat, Repeat: The First Year | Larkspell Press | Books | 18.90 | format: paperback; language: English
    Calm answers to the questions one types at four in the morning.
Baby Carrier in Linen {Sand/Charcoal} | Threadlow | Clothing | 109.00 | color: {}; material: linen
    Carries a newborn or a toddler and gives you both hands back.
Toddler Rain Suit {86-92/98-104} | Rainmarch | Clothing | 42.90 | size: {}; material: recycled polyester
    For puddles that must be inspected.
""",
    "mindful_mover": """
Natural Rubber Yoga Mat {4 mm/6 mm} | Stillmat | Sport & Outdoor | 69.00/79.00 | size: {}; material: natural rubber
    Grips when hands get warm and lies flat from the first day.
Cork Yoga Blocks, Set of 2 | Stillmat | Sport & Outdoor | 24.90 | size: 23 cm; material: cork
    Bring the floor a little closer.
Meditation Cushion with Buckwheat {Plum/Sand} | Stillmat | Home | 44.90 | color: {}; material: cotton
    Settles under you and keeps the knees low.
Resistance Bands, Set of 5 | Stillmat | Sport & Outdoor | 19.90 | size: 5 strengths; material: latex
    From gentle mobility to honest work.
Pilates Ring | Stillmat | Sport & Outdoor | 22.90 | size: 36 cm; material: fibreglass
    A small ring that finds muscles you had forgotten.
Kettlebell {8 kg/12 kg} | Ridgewend | Sport & Outdoor | 34.90/46.90 | size: {}; material: cast iron
    A smooth handle and a flat base, painted to last.
Ceremonial Matcha {30 g/100 g} | Leafwend | Coffee & Tea | 24.90/64.90 | weight: {}; caffeine: yes
    Shade-grown and stone-milled, bright green and never bitter.
Bamboo Matcha Whisk | Hearthomel | Kitchen | 16.90 | size: 100 prongs; material: bamboo
    Carved from one piece, for a fine and lasting foam.
Camomile and Lemon Balm Tea, 40 Bags | Leafwend | Coffee & Tea | 8.90 | pack: 40; caffeine: no
    Whole flowers for the last half hour of the day.
Turmeric Ginger Infusion 150 g | Leafwend | Coffee & Tea | 10.90 | weight: 150 g; caffeine: no
    Warming roots with a little black pepper.
Vegan Protein Powder {Vanilla/Cacao} 750 g | Fuelfern | Nutrition | 29.90 | weight: 750 g; flavor: {}
    Pea and rice protein that stirs smooth without a blender.
Raw Chia Seeds 1 kg | Nuttelow | Nutrition | 12.90 | weight: 1 kg; flavor: neutral
    For puddings, porridge and mornings that begin the night before.
Collagen-Free Beauty Greens 300 g | Fuelfern | Nutrition | 27.90 | weight: 300 g; flavor: apple
    Spinach, barley grass and apple in one spoonful.
Aroma Diffuser in Ceramic {White/Clay} | Wickmoor | Home | 54.90 | color: {}; material: ceramic
    A quiet mist of scent that switches itself off.
Essential Oil Set, 6 Bottles | Fennelle | Body Care | 32.90 | pack: 6; scent: mixed
    Lavender, orange, cedar, mint, eucalyptus and ylang-ylang.
Jade Face Roller | Fennelle | Body Care | 19.90 | size: 14 cm; material: jade
    Two minutes of cool stone before the day starts.
Rosehip Face Oil 30 ml | Fennelle | Body Care | 22.90 | volume: 30 ml; scent: rosehip
    Cold-pressed and light enough for the morning.
Solid Shampoo Bar {Rosemary/Coconut} | Sudsworthy | Body Care | 9.90 | weight: 80 g; scent: {}
    Eighty washes and no bottle.
Natural Deodorant Cream 50 ml | Sudsworthy | Body Care | 11.90 | volume: 50 ml; scent: sage
    Coconut oil and soda that last through class and the way home.
Sunrise Alarm Clock | Lumifold | Electronics | 69.90 | color: white; size: 18 cm
    Half an hour of growing light, then birds.
Sleep and Meditation Headband | Audelle | Electronics | 42.90 | color: grey; battery: 10 h
    Flat speakers in soft jersey for side sleepers.
High-Waist Yoga Leggings {S/M/L} | Threadlow | Clothing | 59.90 | size: {}; material: recycled polyamide
    Stay up in every inversion and opaque in every light.
Bamboo Jersey Wrap Top {Sage/Black} | Threadlow | Clothing | 46.90 | color: {}; material: bamboo viscose
    Soft layers for the walk home from the studio.
Ten Quiet Minutes: A Beginner's Practice | Larkspell Press | Books | 15.90 | format: paperback; language: English
    One short exercise a day, without incense or promises.
Gratitude Journal | Paperwren | Office | 18.90 | size: A5; material: cotton paper
    Three lines in the morning and three at night.
""",
    "city_cyclist": """
Commuter Bike Helmet {Matt White/Olive} | Pedalorne | Sport & Outdoor | 79.90 | color: {}; size: 54-60 cm
    A light helmet with a dial fit and a rear light built in.
Folding Bike Lock | Pedalorne | Sport & Outdoor | 74.90 | size: 85 cm; material: hardened steel
    Six plates that fold into a holder on the frame.
Mini Bike Pump | Pedalorne | Sport & Outdoor | 24.90 | size: 20 cm; material: aluminium
    Gets you home, and fits in a jacket.
Bicycle Multi-Tool with 18 Functions | Pedalorne | Sport & Outdoor | 29.90 | size: 18 tools; material: steel
    Hex keys, chain breaker and a spoke key in one small block.
Waterproof Pannier Bag {18 L/25 L} | Ridgewend | Sport & Outdoor | 69.90/84.90 | size: {}; material: tarpaulin
    Roll-top, quick hook and a shoulder strap for the shop.
Handlebar Bag 3 L {Black/Rust} | Ridgewend | Sport & Outdoor | 39.90 | color: {}; size: 3 L
    Phone, wallet, banana.
Puncture Repair Kit | Pedalorne | Sport & Outdoor | 8.90 | size: 8 patches; material: rubber
    Two levers, eight patches and a tube of glue that has not dried.
Puncture-Proof City Tyre 28 Inch | Pedalorne | Sport & Outdoor | 34.90 | size: 28 inch; material: rubber
    A thick belt under the tread against glass and thorns.
Chain Lube 100 ml {Dry/Wet} | Pedalorne | Sport & Outdoor | 9.90 | volume: 100 ml; weather: {}
    A quiet chain for the price of a sandwich.
Bike Light Set, USB Rechargeable | Lumifold | Electronics | 44.90 | color: black; battery: rechargeable
    Eighty lux to the front and a brake light behind.
Bike Computer with Navigation | Pingadoo | Electronics | 159.00 | color: black; battery: 15 h
    Turn-by-turn along quiet streets, readable in the sun.
Phone Mount for Handlebars | Keelby | Electronics | 29.90 | color: black; material: aluminium
    Locks with a quarter turn and does not let go on cobbles.
Power Bank {10000 mAh/20000 mAh} | Keelby | Electronics | 34.90/49.90 | size: {}; color: black
    Charges lights, phone and the friend who forgot theirs.
Hidden Bike Tracker | Pingadoo | Electronics | 54.90 | color: black; battery: 1 year
    Sits under the bottle cage and tells you where your bike went.
Packable Cycling Rain Jacket {Yellow/Petrol} | Rainmarch | Clothing | 119.00 | color: {}; material: three-layer
    Long at the back, reflective at the sleeves, and dry inside.
Rain Trousers for Cyclists | Rainmarch | Clothing | 59.90 | size: M; material: recycled polyester
    On over shoes in one movement at the traffic light.
Reflective Cycling Gloves {M/L} | Kettlesock | Clothing | 34.90 | size: {}; material: softshell
    Warm to freezing, with a thumb that works on screens.
Stretch Commuter Chinos | Threadlow | Clothing | 79.90 | color: navy; material: cotton stretch
    Cut for the saddle and fine for the meeting.
Merino Neck Warmer | Merinelle | Clothing | 26.90 | color: charcoal; material: merino wool
    Scarf, mask and ear warmer, depending on the wind.
Roll-Top Backpack 22 L {Slate/Mustard} | Ridgewend | Sport & Outdoor | 99.00 | color: {}; size: 22 L
    A dry laptop whatever the forecast said.
Leak-Proof Coffee Tumbler {350 ml/500 ml} | Copperlark | Kitchen | 28.90/32.90 | size: {}; material: steel
    Fits a bottle cage and survives the kerb.
Single-Serve Coffee Bags, 20 Pack | Tindlehask | Coffee & Tea | 15.90 | pack: 20; roast: medium
    Good coffee at the office without the machine everyone is waiting for.
Wall Bike Hook in Oak | Dwellby | Home | 54.90 | size: 30 cm; material: oak
    A shelf for keys, a place for the bike.
Flapjack Bars with Honey, 20 Pack | Gritgrain | Nutrition | 23.90 | pack: 20; flavor: honey
    Oats and honey for the ride between lunch and dinner.
Two Wheels to the Sea: Weekend Rides by Train | Larkspell Press | Books | 22.90 | format: paperback; language: English
    Forty routes that begin at one station and end at another.
Front Child Bike Seat | Smallotter | Kids | 89.00 | color: grey; size: 9-15 kg
    The best view in town, between your arms.
Hand Cleaner for Bike Grease 250 ml | Sudsworthy | Body Care | 8.90 | volume: 250 ml; scent: orange
    Orange oil and walnut shell take off the chain.
""",
    "staple": """
Insulated Water Bottle 750 ml {White/Teal} | Copperlark | Kitchen | 29.90 | color: {}; material: steel
    Cold for a day, hot for twelve hours, and fits most bags.
Beeswax Food Wraps, Set of 3 | Hearthomel | Kitchen | 16.90 | size: S, M, L; material: cotton
    Covers bowls and sandwiches for a year, then goes on the compost.
Dish Brush with Replaceable Head | Hearthomel | Kitchen | 8.90 | size: 24 cm; material: beech
    Stiff bristles and a handle that outlives them.
Canvas Tote Bag {Natural/Navy} | Threadlow | Clothing | 14.90 | color: {}; material: cotton canvas
    Carries more than it looks and folds to nothing.
Everyday Cotton Socks, 5 Pairs {36-38/39-42/43-46} | Kettlesock | Clothing | 19.90 | size: {}; material: organic cotton
    Plain socks that keep their shape and their partner.
Compact Umbrella | Rainmarch | Clothing | 27.90 | color: black; material: recycled polyester
    Turns inside out in a storm and turns back again.
USB-C Charging Cable 2 m | Keelby | Electronics | 14.90 | color: white; size: 2 m
    Braided, long enough for the sofa.
Wall Charger 65 W | Keelby | Electronics | 34.90 | color: white; size: 65 W
    Laptop and phone from one small plug.
Rechargeable AA Batteries, 8 Pack | Lumifold | Electronics | 21.90 | size: AA; color: white
    Good for five hundred charges.
Portable Bluetooth Speaker {Terracotta/Black} | Audelle | Electronics | 69.90 | color: {}; battery: 16 h
    Fills a kitchen or a picnic and shrugs off rain.
Hand Soap Refill 1 L | Sudsworthy | Body Care | 12.90 | volume: 1 L; scent: unscented
    Fills the bottle by the sink three times.
Bamboo Toothbrushes, Pack of 4 | Sudsworthy | Body Care | 9.90 | pack: 4; material: bamboo
    Soft bristles and no plastic handle.
Sunscreen SPF 50 200 ml | Balmoor | Body Care | 17.90 | volume: 200 ml; scent: none
    Light, quick to sink in and safe for sensitive skin.
Lip Balm Trio | Fennelle | Body Care | 10.90 | pack: 3; scent: honey, mint, plain
    One for the coat, one for the bag, one to lose.
Waffle Towels, Set of 2 {Sand/Sea} | Loomarrow | Home | 39.90 | color: {}; material: cotton
    Dry fast, take little room and look good on the hook.
Storage Baskets in Seagrass, Set of 3 | Dwellby | Home | 44.90 | size: S, M, L; material: seagrass
    For whatever is lying about at the moment.
Tea Lights in Rapeseed Wax, 30 Pack | Wickmoor | Home | 12.90 | pack: 30; scent: none
    Four quiet hours each.
Picnic Blanket with Waterproof Back | Ridgewend | Sport & Outdoor | 39.90 | size: 200 x 150 cm; color: checked
    Wool on top, dry below, and a strap to carry it.
Greeting Cards with Envelopes, Set of 12 | Inklerow | Office | 15.90 | pack: 12; material: recycled paper
    Birthdays, thanks and a few blank ones for the rest.
Wall Calendar of Coastal Paths | Inklerow | Office | 17.90 | size: A3; language: English
    Twelve drawings of places to walk to.
Mixed Nuts 750 g | Nuttelow | Nutrition | 14.90 | weight: 750 g; flavor: unsalted
    Cashews, hazelnuts, walnuts and almonds, and not one peanut.
Dark Chocolate Bars, 6 x 100 g | Tindlehask | Nutrition | 19.90 | pack: 6; flavor: 72 % cocoa
    Smooth, not too sweet, gone by Thursday.
""",
}

# Put on the shelf in the last days of the period; nobody has seen them yet.
NEW_ITEMS = {
    "trail_runner": """
Ultralight Trail Race Belt | Fellstrider | Sport & Outdoor | 32.90 | size: M; material: ripstop nylon
    Holds a soft flask, four gels and poles without a bounce on the descent.
""",
    "home_barista": """
Kenyan AA Whole Beans 500 g | Morrowbean | Coffee & Tea | 18.90 | weight: 500 g; roast: light
    Blackcurrant and grapefruit in a bright filter coffee from this spring's harvest.
""",
    "dog_person": """
Cooling Mat for Dogs | Tuftail | Pets | 39.90 | size: 90 x 60 cm; material: gel
    Takes the heat out of a summer afternoon without water or power.
""",
    "cosy_reader": """
The Ferry to Saint Orla | Nine Lantern | Books | 13.90 | format: paperback; language: English
    A novel about a ferry that runs once a year and the woman who sells its only ticket.
""",
    "home_cook": """
Japanese-Style Vegetable Cleaver 17 cm | Saltmarrow | Kitchen | 79.00 | size: 17 cm; material: carbon steel
    A thin, straight blade for onions, herbs and quiet evenings at the board.
""",
    "urban_gardener": """
Balcony Drip Watering Kit | Petalforth | Garden | 36.90 | size: 20 pots; season: summer
    Waters twenty pots from a bucket while you are on holiday.
""",
    "remote_worker": """
Foldable Travel Keyboard | Keelby | Electronics | 64.90 | color: grey; battery: rechargeable
    A full set of keys that folds to the size of a notebook for working anywhere.
""",
    "young_family": """
Wooden Shape Sorter House | Tumblenook | Kids | 28.90 | size: 12+ months; material: beech
    Six doors, six keys and a rabbit who moves in at the end.
""",
    "mindful_mover": """
Travel Yoga Mat 1.5 mm | Stillmat | Sport & Outdoor | 49.90 | size: 1.5 mm; material: natural rubber
    Folds into a suitcase and grips on any hotel floor.
""",
    "city_cyclist": """
Reflective Saddle Bag 1 L | Pedalorne | Sport & Outdoor | 26.90 | size: 1 L; material: tarpaulin
    A spare tube, two levers and a strip that shines in headlights.
""",
}


# Put on the shelf on two days of launch, the first of each taste four weeks before the end of the period, the others
# two weeks before it: nobody has seen them before, and people who get the shop's letter come and look.
LAUNCHED_ITEMS = {
    "trail_runner": """
Waterproof Running Cap | Fellstrider | Sport & Outdoor | 29.90 | color: black; material: ripstop
    Keeps rain and sun out of your eyes on a long climb.
Hill Training Log for Runners | Larkspell Press | Books | 14.90 | format: paperback; language: English
    A week per page for climbs, splits and tired legs on the trail.
Sea Salt Energy Gel Box of 24 | Gritgrain | Nutrition | 38.90 | pack: 24; flavor: salt
    For the long run in the heat, easy to open with cold hands.
""",
    "home_barista": """
Espresso Distribution Tool 58 mm | Morrowbean | Kitchen | 32.90 | size: 58 mm; material: steel
    Levels the ground coffee before you tamp, for an even shot.
Guatemalan Whole Beans 1 kg | Morrowbean | Coffee & Tea | 27.90 | weight: 1 kg; roast: medium
    Cocoa and orange in a round espresso or a slow filter coffee.
Glass Pour-Over Server 600 ml | Morrowbean | Kitchen | 26.90 | size: 600 ml; material: glass
    Watch the coffee rise to the mark and keep it warm on the table.
""",
    "dog_person": """
Reflective Dog Coat | Tuftail | Pets | 34.90 | size: M; color: orange
    A warm, dry dog on dark walks, seen from the other side of the park.
Dental Chews for Dogs, 28 Pack | Tuftail | Pets | 18.90 | pack: 28; flavor: mint
    One after dinner keeps the vet and the breath away.
Travel Bowl for Dogs | Tuftail | Pets | 12.90 | size: 700 ml; material: silicone
    Folds flat on the lead and opens for water at the end of the walk.
""",
    "cosy_reader": """
The Lamplighter's Sister | Nine Lantern | Books | 13.90 | format: paperback; language: English
    A novel of a harbour town, a missing letter and a long winter of reading.
Linen Bookmark Set | Paperwren | Office | 9.90 | pack: 3; material: linen
    Three ribbons that keep the page of a novel when the tea is ready.
Murder on the Night Ferry | Nine Lantern | Books | 12.90 | format: paperback; language: English
    A mystery in eleven cabins, best read in an armchair while it rains.
""",
    "home_cook": """
Carbon Steel Paring Knife 9 cm | Saltmarrow | Kitchen | 34.90 | size: 9 cm; material: carbon steel
    A small, sharp blade for garlic, fruit and everything by the board.
Cast Iron Griddle Plate | Saltmarrow | Kitchen | 49.90 | size: 26 cm; material: cast iron
    Sears vegetables and fish with marks that look like a restaurant's.
Sunday Sauces: A Cookbook | Larkspell Press | Books | 24.90 | format: hardcover; language: English
    Sixty recipes that begin with an onion and a heavy pan.
""",
    "urban_gardener": """
Balcony Herb Seeds, 6 Packets | Petalforth | Garden | 12.90 | pack: 6; season: summer
    Basil, thyme and chives for pots on a balcony with half a day of sun.
Hanging Planter for Railings | Petalforth | Garden | 27.90 | size: 60 cm; season: summer
    Hooks over the balcony rail and holds five pots of flowers.
Slow-Release Plant Food for Pots 1 kg | Petalforth | Garden | 14.90 | weight: 1 kg; season: summer
    One handful in spring feeds pots and seedlings until autumn.
""",
    "remote_worker": """
USB-C Dock with Two Screens | Keelby | Electronics | 119.00 | color: grey; size: 11 ports
    One cable for keyboard, screens and charger on a tidy desk.
Laptop Stand in Bamboo | Dwellby | Office | 44.90 | size: 28 cm; material: bamboo
    Lifts the screen to your eyes and the keyboard off the desk.
Noise-Cancelling Call Headset | Audelle | Electronics | 89.00 | color: black; battery: 30 h
    Meetings without the neighbour's drill, at the desk or in the kitchen.
""",
    "young_family": """
Wooden Train Set, 40 Pieces | Tumblenook | Kids | 44.90 | size: 3+ years; material: beech
    Tracks, a bridge and a train that toddlers can couple themselves.
Muslin Cloths, Pack of 6 | Smallotter | Kids | 24.90 | pack: 6; material: organic cotton
    For the baby's shoulder, bottom and everything in between.
Nap Time Stories | Larkspell Press | Books | 12.90 | format: hardcover; language: English
    Twelve short stories that end with a sleeping rabbit and a sleeping child.
""",
    "mindful_mover": """
Cork Yoga Wheel | Stillmat | Sport & Outdoor | 39.90 | size: 32 cm; material: cork
    Opens the back after a day of sitting, slowly and with every breath.
Meditation Bench in Beech | Stillmat | Home | 54.90 | size: 45 cm; material: beech
    Sit upright and quiet for twenty minutes without sleeping feet.
Calm Evening Herbal Tea, 40 Bags | Tindlehask | Coffee & Tea | 9.90 | pack: 40; flavor: lavender
    Lavender and lemon balm for the breath after practice.
""",
    "city_cyclist": """
Magnetic Bike Light | Lumifold | Electronics | 24.90 | color: red; battery: rechargeable
    Snaps to frame or helmet and blinks through the city's rain.
Commuter Cycling Cape | Rainmarch | Clothing | 69.90 | color: yellow; material: recycled polyester
    Over coat and handlebars in one movement when the traffic light turns red.
Tyre Levers with Patch Kit | Pedalorne | Sport & Outdoor | 9.90 | size: 2 levers; material: nylon
    Back on the bike in ten minutes after glass and thorns.
""",
}


def read_products() -> list[dict]:
    """One dictionary per product and variant, in the order of this file."""
    shelves = [(CATALOGUE, False), (NEW_ITEMS, True)]
    return [
        product | {"taste": taste, "is_new": is_new}
        for texts, is_new in shelves
        for taste, text in texts.items()
        for product in _read_text(text)
    ]


def read_launches() -> list[dict]:
    """The products of LAUNCHED_ITEMS like those of `read_products`; launch: 0 or 1, the first or the second day."""
    return [
        product | {"taste": taste, "is_new": False, "launch": min(number, 1)}
        for taste, text in LAUNCHED_ITEMS.items()
        for number, product in enumerate(_read_text(text))
    ]


def _read_text(text: str) -> list[dict]:
    products = []
    lines = [line.strip() for line in text.strip().splitlines()]
    for facts, description in zip(lines[::2], lines[1::2], strict=True):
        title, brand, category, prices, attributes = facts.split(" | ")
        choices = re.search(r"\{(.+?)\}", title)
        for variant, price in zip(choices[1].split("/") if choices else [""], cycle(prices.split("/"))):
            product = {
                "title": re.sub(r"\{.+?\}", variant, title),
                "description": description,
                "category": category,
                "brand": brand,
                "price": float(price),
                "attributes": dict(pair.split(": ") for pair in attributes.replace("{}", variant).split("; ")),
                "query": _shorten(title, n_words=4 if category == "Books" else 2),
            }
            products.append(product)
    return products


def _shorten(title: str, n_words: int) -> str:
    """What people type when they look for it: its last words, without variant, size or pack."""
    words = re.sub(r"\{.*?\}|[,:].*|\S*\d.*|\b(with|in|for|box|size)\b.*", "", title.lower()).split()
    last = words[-n_words:]
    return " ".join(words[-n_words - 1 :] if last[0] == "and" else last)
